"""SQL of publishing: intents written in groups, one statement for all that wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, delete, select, update

from exchange.publishing.tables import PublishIntent
from kernel.database import ReadSession, WriteSession
from kernel.statements import Statements

KEPT_DAYS = 7


@dataclass(slots=True)
class Intent:
    """One keyed publish as it is noted before the append."""

    intent: bytes
    digest: bytes
    life: int
    ends: str


@dataclass(frozen=True, slots=True)
class Noted:
    """The very note of a try: the same key may be noted again once it was withdrawn."""

    intent: bytes
    life: int
    at: datetime


NOTE = (
    "INSERT INTO exchange.publish_intent (intent, digest, life, ends, created_at)"
    " SELECT i.intent, i.digest, i.life, i.ends, $5"
    " FROM unnest($1::bytea[], $2::bytea[], $3::int[], $4::text[])"
    " AS i(intent, digest, life, ends)"
    " ON CONFLICT (intent) DO NOTHING RETURNING intent"
)
KEEP = (
    "UPDATE exchange.publish_intent AS p SET receipt = i.receipt"
    " FROM unnest($1::bytea[], $2::text[]) AS i(intent, receipt) WHERE p.intent = i.intent"
)
WITHDRAW = (
    "DELETE FROM exchange.publish_intent AS p"
    " USING unnest($1::bytea[], $2::int[], $3::timestamptz[]) AS i(intent, life, noted_at)"
    " WHERE p.intent = i.intent AND p.life = i.life AND p.created_at = i.noted_at"
    " AND p.receipt IS NULL"
)


async def note(statements: Statements, intents: Sequence[Intent], now: datetime) -> set[bytes]:
    """Write the intents that are new, and return which those are."""
    rows = await statements.run(
        NOTE,
        [item.intent for item in intents],
        [item.digest for item in intents],
        [item.life for item in intents],
        [item.ends for item in intents],
        now,
    )
    return {row[0] for row in rows}


async def keep_receipts(statements: Statements, receipts: Sequence[tuple[bytes, str]]) -> None:
    await statements.run(KEEP, *map(list, zip(*receipts, strict=True)))


async def withdraw(statements: Statements, notes: Sequence[Noted]) -> None:
    """Forget intents whose append certainly did not happen."""
    await statements.run(
        WITHDRAW,
        [item.intent for item in notes],
        [item.life for item in notes],
        [item.at for item in notes],
    )


async def find(session: ReadSession, intent: bytes) -> PublishIntent | None:
    return (
        await session.exec(select(PublishIntent).where(PublishIntent.intent == intent))
    ).one_or_none()


async def take_over(session: WriteSession, found: PublishIntent, life: int, ends: str) -> bool:
    """Make a dead life's undecided intent this life's; False when somebody else was first."""
    taken = await session.execute(
        update(PublishIntent)
        .where(
            col(PublishIntent.intent) == found.intent,
            col(PublishIntent.life) == found.life,
            col(PublishIntent.receipt).is_(None),
        )
        .values(life=life, ends=ends)
        .returning(col(PublishIntent.intent))
    )
    return taken.first() is not None


async def decide(session: WriteSession, intent: bytes, life: int, receipt: str) -> bool:
    """Add the receipt to this life's intent; False when another life has taken it over."""
    decided = await session.execute(
        update(PublishIntent)
        .where(
            col(PublishIntent.intent) == intent,
            col(PublishIntent.life) == life,
            col(PublishIntent.receipt).is_(None),
        )
        .values(receipt=receipt)
        .returning(col(PublishIntent.intent))
    )
    return decided.first() is not None


async def forget_old(session: WriteSession, now: datetime) -> None:
    before = now - timedelta(days=KEPT_DAYS)
    await session.execute(delete(PublishIntent).where(col(PublishIntent.created_at) < before))
