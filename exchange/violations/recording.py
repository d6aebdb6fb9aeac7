"""Recording violations, in the transaction that finds them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from auth import directory
from auth.regions.codes import STATE, significant
from auth.regions.tree import covers, current
from exchange.violations.tables import Violation
from exchange.violations.types import BY_CLOCK, Type
from kernel.database import WriteSession
from kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """`region_code` is the responsible department's division."""

    type: Type
    department: str
    region_code: str
    thing: str
    thing_id: str
    occasion: str = ""
    due_at: datetime | None = None
    occurred_at: datetime


async def record(session: WriteSession, failure: Failure) -> str | None:
    """Keep a violation and return its id; None where it was counted before."""
    row = Violation(id=new_id(), **asdict(failure))
    statement = insert(Violation).values(**row.model_dump()).on_conflict_do_nothing()
    return row.id if (await session.exec(statement)).rowcount == 1 else None


async def missed(  # noqa: PLR0913 - what a missed day is
    session: WriteSession,
    clock: str,
    *,
    department: str,
    region_code: str,
    thing: str,
    thing_id: str,
    due_at: datetime,
    now: datetime,
    occasion: str = "",
) -> None:
    """Keep the violation that a missed day of a clock is."""
    failure = Failure(
        type=BY_CLOCK[clock],
        department=department,
        region_code=region_code,
        thing=thing,
        thing_id=thing_id,
        occasion=occasion,
        due_at=due_at,
        occurred_at=now,
    )
    await record(session, failure)


async def reviewer_of(session: WriteSession, region_code: str) -> tuple[str, str] | None:
    """Return the lowest authority over a division, and its own: whose a late review (C2) is."""
    return nearest(await directory.authorities(session), region_code)


def nearest(authorities: Mapping[str, str], region_code: str) -> tuple[str, str] | None:
    """Return the lowest of the authorities over a division; of several, the first by its code."""
    over = [
        (-_level(region), uscc, region)
        for uscc, region in authorities.items()
        if covers(region, region_code)
    ]
    return min(over)[1:] if over else None


def _level(region_code: str) -> int:
    code = current(region_code)
    return 0 if code == STATE else len(significant(code))
