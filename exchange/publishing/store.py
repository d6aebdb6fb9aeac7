"""SQL of publishing: intents written in groups, one statement for all that wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Integer, LargeBinary, String, bindparam, text
from sqlmodel import col, delete, select, update

from exchange.publishing.tables import PublishIntent
from kernel import clock
from kernel.database import ReadSession, WriteSession

KEPT_DAYS = 7


@dataclass(frozen=True, slots=True)
class Intent:
    """One keyed publish as it is noted before the append."""

    intent: bytes
    digest: bytes
    life: int
    ends: str


NOTE = text(
    "INSERT INTO exchange.publish_intent (intent, digest, life, ends, created_at)"
    " SELECT i.intent, i.digest, i.life, i.ends, :now"
    " FROM unnest(:intents, :digests, :lives, :ends) AS i(intent, digest, life, ends)"
    " ON CONFLICT (intent) DO NOTHING RETURNING intent"
).bindparams(
    bindparam("intents", type_=ARRAY(LargeBinary)),
    bindparam("digests", type_=ARRAY(LargeBinary)),
    bindparam("lives", type_=ARRAY(Integer)),
    bindparam("ends", type_=ARRAY(String)),
)
KEEP = text(
    "UPDATE exchange.publish_intent AS p SET receipt = i.receipt"
    " FROM unnest(:intents, :receipts) AS i(intent, receipt) WHERE p.intent = i.intent"
).bindparams(
    bindparam("intents", type_=ARRAY(LargeBinary)),
    bindparam("receipts", type_=ARRAY(String)),
)


async def note(session: WriteSession, intents: Sequence[Intent]) -> set[bytes]:
    """Write the intents that are new, and return which those are."""
    rows = await session.execute(
        NOTE.bindparams(
            now=clock.now(),
            intents=[item.intent for item in intents],
            digests=[item.digest for item in intents],
            lives=[item.life for item in intents],
            ends=[item.ends for item in intents],
        )
    )
    return {bytes(row.intent) for row in rows}


async def keep_receipts(session: WriteSession, receipts: Sequence[tuple[bytes, str]]) -> None:
    intents, texts = zip(*receipts, strict=True)
    await session.execute(KEEP.bindparams(intents=list(intents), receipts=list(texts)))


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


async def withdraw(session: WriteSession, intent: bytes, life: int) -> None:
    """Forget an intent whose append certainly did not happen."""
    await session.execute(
        delete(PublishIntent).where(
            col(PublishIntent.intent) == intent,
            col(PublishIntent.life) == life,
            col(PublishIntent.receipt).is_(None),
        )
    )


async def forget_old(session: WriteSession, now: datetime) -> None:
    before = now - timedelta(days=KEPT_DAYS)
    await session.execute(delete(PublishIntent).where(col(PublishIntent.created_at) < before))
