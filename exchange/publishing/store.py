"""SQL of publishing: intents written in groups, one statement for all that wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update

from exchange.publishing.tables import Fence, LogRecovery, PublishIntent
from kernel import batches
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


async def take_over(session: WriteSession, existing: PublishIntent, life: int, ends: str) -> bool:
    """Make a dead life's undecided intent this life's; False when somebody else was first."""
    rows = await session.execute(
        update(PublishIntent)
        .where(
            col(PublishIntent.intent) == existing.intent,
            col(PublishIntent.life) == existing.life,
            col(PublishIntent.receipt).is_(None),
        )
        .values(life=life, ends=ends)
        .returning(col(PublishIntent.intent))
    )
    return rows.first() is not None


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


async def is_fenced(session: ReadSession, life: int, topic: str) -> bool:
    """Whether some worker has fenced a dead life off a topic."""
    return await session.get(Fence, (life, topic)) is not None


async def remember_fence(session: WriteSession, life: int, topic: str, now: datetime) -> None:
    values = {"life": life, "topic": topic, "fenced_at": now}
    await session.execute(insert(Fence).values(**values).on_conflict_do_nothing())


async def recovery(session: ReadSession, topic: str, generation: int) -> LogRecovery | None:
    """Return how far a topic was read back in this generation."""
    row = await session.get(LogRecovery, topic)
    return row if row is not None and row.generation == generation else None


async def begin_recovery(session: WriteSession, begun: LogRecovery) -> LogRecovery:
    """Note where to read, unless another worker was first; return what holds."""
    values = begun.model_dump()
    statement = insert(LogRecovery).values(**values)
    older = col(LogRecovery.generation) < begun.generation
    await session.execute(
        statement.on_conflict_do_update(index_elements=["topic"], set_=values, where=older)
    )
    return (await session.exec(select(LogRecovery).where(LogRecovery.topic == begun.topic))).one()


async def note_recovery(
    session: WriteSession, topic: str, generation: int, positions: str, *, done: bool
) -> bool:
    """Note how far a topic was read, keeping others from it meanwhile; False when it is done."""
    rows = await session.execute(
        update(LogRecovery)
        .where(
            col(LogRecovery.topic) == topic,
            col(LogRecovery.generation) == generation,
            col(LogRecovery.done).is_(False),
        )
        .values(positions=positions, done=done)
        .returning(col(LogRecovery.topic))
    )
    return rows.first() is not None


async def recovered(
    session: ReadSession, intents: Sequence[bytes], life: int
) -> Mapping[bytes, str]:
    """Return the receipts of those intents that were entered from the log."""
    query = select(PublishIntent.intent, PublishIntent.receipt).where(
        col(PublishIntent.intent).in_(intents), col(PublishIntent.life) == life
    )
    return {intent: receipt or "" for intent, receipt in (await session.exec(query)).all()}


async def enter_recovered(
    session: WriteSession, rows: Sequence[tuple[bytes, bytes, str]], life: int, now: datetime
) -> None:
    """Enter intents with digest and receipt; what the database itself knows stays as it is."""
    entered = insert(PublishIntent).values(
        [
            {
                "intent": intent,
                "digest": digest,
                "life": life,
                "ends": "[]",
                "receipt": receipt,
                "created_at": now,
            }
            for intent, digest, receipt in rows
        ]
    )
    await session.execute(
        entered.on_conflict_do_update(
            index_elements=["intent"],
            set_={"receipt": entered.excluded.receipt},
            where=col(PublishIntent.life) == life,
        )
    )


async def forget_old(session: WriteSession, now: datetime) -> int:
    """Delete intents and fences past their term, at most a batch each; return how many."""
    before = now - timedelta(days=KEPT_DAYS)
    forgotten = await batches.delete_some(
        session, PublishIntent, col(PublishIntent.created_at) < before
    )
    # Whoever settles the last of those intents must still find the fence.
    fenced = before - timedelta(days=1)
    return max(forgotten, await batches.delete_some(session, Fence, col(Fence.fenced_at) < fenced))
