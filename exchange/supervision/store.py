"""SQL of supervision: the cases of an indicator counted, grouped and listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from auth.regions.tree import prefixes
from exchange.supervision.cases import FLOWS
from exchange.supervision.scope import Whose
from kernel.database import ReadSession
from kernel.errors import InvalidCursor
from kernel.paging import Page, PageRequest, encode

GROUPS_MAX: Final = 1_000
GROUPS: Final[Mapping[str, str]] = {
    "department": "c.department",
    "region": "c.region_code",
    "month": "to_char(c.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')",
}


@dataclass(frozen=True, slots=True)
class Case:
    department: str | None
    region_code: str
    at: datetime
    thing: str
    thing_id: str
    amount: int
    met: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """`provider` and `consumer` are departments, or divisions."""

    provider: str
    consumer: str
    answers: int
    records: int
    bytes_: int


def _whose(whose: Whose, columns: tuple[str, ...], region: tuple[str, ...]) -> tuple[str, Any]:
    """Return the condition of one department's or one division's rows, and its parameter."""
    if whose["department"] is not None:
        sides = " OR ".join(f"{column} = :whose" for column in columns)
        return f"({sides})", whose["department"]
    sides = " OR ".join(f"{column} LIKE ANY(:whose)" for column in region)
    return f"({sides})", [f"{code}%" for code in prefixes(whose["region_code"] or "")]


def _asked(statement: str, bounds: Mapping[str, Any]) -> dict[str, Any]:
    """Return those parameters that a statement has."""
    return {name: value for name, value in bounds.items() if f":{name}" in statement}


async def counted(
    session: ReadSession, cases: str, whose: Whose, by: str | None, bounds: Mapping[str, Any]
) -> Sequence[tuple[str | None, int, int]]:
    """Return group, numerator and denominator of each group, or of all cases together."""
    condition, key = _whose(whose, ("c.department",), ("c.region_code",))
    group = "NULL" if by is None else GROUPS[by]
    grouped = "" if by is None else f"GROUP BY 1 ORDER BY 1 LIMIT {GROUPS_MAX}"
    statement = f"""
        SELECT {group}, coalesce(sum(c.amount) FILTER (WHERE c.met), 0),
            coalesce(sum(c.amount), 0)
        FROM ({cases}) AS c WHERE {condition} {grouped}
    """  # noqa: S608 - texts of this package
    found = await session.execute(text(statement), {**_asked(statement, bounds), "whose": key})
    return [(row[0], int(row[1]), int(row[2])) for row in found]


async def cases(
    session: ReadSession,
    cases: str,
    whose: Whose,
    bounds: Mapping[str, Any],
    met: bool | None,  # noqa: FBT001 - a third state
    request: PageRequest,
) -> Page[Case]:
    """Return a page of cases in the order of time and id."""
    condition, key = _whose(whose, ("c.department",), ("c.region_code",))
    facts: dict[str, Any] = {"whose": key, "most": request.limit + 1}
    if met is not None:
        condition += " AND c.met = :met"
        facts["met"] = met
    if request.after is not None:
        condition += " AND (c.at, c.thing_id) > (:after_at, :after_id)"
        facts["after_at"], facts["after_id"] = _place(request.after)
    statement = f"""
        SELECT c.department, c.region_code, c.at, c.thing, c.thing_id, c.amount, c.met
        FROM ({cases}) AS c WHERE {condition} ORDER BY c.at, c.thing_id LIMIT :most
    """  # noqa: S608 - texts of this package
    found = await session.execute(text(statement), {**_asked(statement, bounds), **facts})
    rows = [Case(*row) for row in found]
    items = rows[: request.limit]
    more = len(rows) > request.limit
    cursor = encode(f"{items[-1].at.isoformat()}|{items[-1].thing_id}") if more else None
    return Page(items, cursor)


def _place(after: str) -> tuple[datetime, str]:
    """Return the place behind which a page begins; raises InvalidCursor."""
    at, bar, thing_id = after.partition("|")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise InvalidCursor from error
    if not bar or moment.tzinfo is None:
        raise InvalidCursor
    return moment, thing_id


async def flows(
    session: ReadSession,
    whose: Whose,
    by_region: bool,  # noqa: FBT001 - one of two groupings
    bounds: Mapping[str, Any],
) -> Sequence[Flow]:
    """Return sums by provider and consumer, at most GROUPS_MAX, the most records first."""
    condition, key = _whose(
        whose,
        ("f.provider_department", "f.consumer_department"),
        ("f.provider_region", "f.consumer_region"),
    )
    sides = "f.provider_region, f.consumer_region"
    if not by_region:
        sides = "f.provider_department, f.consumer_department"
    statement = f"""
        SELECT {sides}, sum(f.answers), sum(f.records), sum(f.bytes)
        FROM ({FLOWS}) AS f WHERE {condition}
        GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2 LIMIT {GROUPS_MAX}
    """  # noqa: S608 - texts of this package
    found = await session.execute(text(statement), {**_asked(statement, bounds), "whose": key})
    return [Flow(row[0], row[1], int(row[2]), int(row[3]), int(row[4])) for row in found]
