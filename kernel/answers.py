"""Keeps the first answer to an Idempotency-Key, so that a retry gets it again (P5).

The row is inserted in the transaction of the work itself: whoever comes second waits for the
first on the primary key, then reads its answer.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, update

from kernel import batches, clock
from kernel.errors import BadRequest, IdempotencyKeyReused
from kernel.secretbox import Secretbox, mac
from kernel.tables import KeptAnswer

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

KEPT_DAYS = 7
KEY_MAX = 128


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


def check_key(key: str) -> None:
    """Raise BadRequest unless the key is 1 to 128 printable ASCII characters."""
    if not (0 < len(key) <= KEY_MAX and key.isascii() and key.isprintable()):
        raise BadRequest(
            "Idempotency-Key 须为 1 至 128 个可打印 ASCII 字符",
            "Idempotency-Key must be 1 to 128 printable ASCII characters",
        )


async def first_answer(
    session: "AsyncSession", box: Secretbox, scope: str, key: str, request: bytes
) -> Answer | None:
    """Claim the key, or return what its first request was answered.

    Raises IdempotencyKeyReused when the key was used with another request.
    """
    # Keyed, because a request may hold a password that could be guessed from a plain hash.
    digest = mac(box.derive("kept-answers"), request)
    claim = insert(KeptAnswer).values(
        scope=scope, key=key, request_digest=digest, created_at=clock.now()
    )
    claimed = await session.execute(claim.on_conflict_do_nothing().returning(col(KeptAnswer.key)))
    if claimed.first():
        return None
    return await kept_answer(session, box, scope, key, request)


async def kept_answer(
    session: "AsyncSession", box: Secretbox, scope: str, key: str, request: bytes
) -> Answer | None:
    """Return what the first request with the key was answered, None where there was none.

    Raises IdempotencyKeyReused when the key was used with another request.
    """
    row = await session.get(KeptAnswer, (scope, key))
    if row is None:
        return None
    if row.request_digest != mac(box.derive("kept-answers"), request):
        raise IdempotencyKeyReused
    return Answer(row.status or 0, box.decrypt(row.body or b""))


async def keep(
    session: "AsyncSession", box: Secretbox, scope: str, key: str, answer: Answer
) -> None:
    await session.execute(
        update(KeptAnswer)
        .where(col(KeptAnswer.scope) == scope, col(KeptAnswer.key) == key)
        .values(status=answer.status, body=box.encrypt(answer.body))
    )


async def forget_old(session: "AsyncSession") -> int:
    """Delete answers past their term, at most a batch; return how many."""
    before = clock.now() - timedelta(days=KEPT_DAYS)
    return await batches.delete_some(session, KeptAnswer, col(KeptAnswer.created_at) < before)
