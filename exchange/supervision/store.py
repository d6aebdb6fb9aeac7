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

# As many as a workbook has: more than any region has departments, or pairs of those that share.
GROUPS_MAX: Final = 10_000
FLOWS_MAX: Final = 100_000
AMOUNTS_END: Final = 2**63
# What nobody is assigned to is the group of no name, which stands first.
GROUPS: Final[Mapping[str, str]] = {
    "department": "coalesce(c.department, '')",
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


@dataclass(frozen=True, slots=True)
class Flows:
    """A page of flows; how many there are of all, and the greatest measure of any."""

    page: Page[Flow]
    count: int
    greatest: int


@dataclass(frozen=True, slots=True)
class Rank:
    """A department, with what was kept and what was due by indicator."""

    department: str
    shares: Mapping[str, tuple[int, int]]


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
    session: ReadSession,
    cases: str,
    whose: Whose,
    by: str | None,
    bounds: Mapping[str, Any],
    *,
    after: str | None = None,
    most: int = GROUPS_MAX,
) -> Sequence[tuple[str | None, int, int]]:
    """Return group, numerator and denominator of each group, or of all cases together.

    Groups come in their order, `most` of them behind `after`.
    """
    condition, key = _whose(whose, ("c.department",), ("c.region_code",))
    facts: dict[str, Any] = {"whose": key}
    group, grouped = "NULL", ""
    if by is not None:
        group, grouped = GROUPS[by], "GROUP BY 1 ORDER BY 1 LIMIT :most"
        facts["most"] = most
    if after is not None:
        condition += f" AND {group} > :after"
        facts["after"] = after
    statement = f"""
        SELECT {group}, coalesce(sum(c.amount) FILTER (WHERE c.met), 0),
            coalesce(sum(c.amount), 0)
        FROM ({cases}) AS c WHERE {condition} {grouped}
    """  # noqa: S608 - texts of this package
    found = await session.execute(text(statement), {**_asked(statement, bounds), **facts})
    return [(row[0] or None, int(row[1]), int(row[2])) for row in found]


async def ranked(
    session: ReadSession,
    counts: Mapping[str, str],
    ranking: Sequence[str],
    whose: Whose,
    bounds: Mapping[str, Any],
    *,
    first: int,
    most: int,
) -> Sequence[Rank]:
    """Return departments from the place `first` on, by their shares of what `ranking` names.

    Of each are all the `counts`; those of which nothing is in the ranking come last.
    """
    condition, key = _whose(whose, ("c.department",), ("c.region_code",))
    shares = " UNION ALL ".join(
        f"""
        SELECT '{id_}' AS id, c.department, coalesce(sum(c.amount) FILTER (WHERE c.met), 0) AS met,
            coalesce(sum(c.amount), 0) AS due
        FROM ({cases}) AS c WHERE {condition} AND c.department IS NOT NULL GROUP BY 2
        """  # noqa: S608 - texts of this package
        for id_, cases in counts.items()
    )
    statement = f"""
        SELECT department, shares FROM (
            SELECT department, jsonb_object_agg(id, jsonb_build_array(met, due)) AS shares,
                sum(met) FILTER (WHERE id = ANY(:ranking)) AS kept,
                coalesce(sum(due) FILTER (WHERE id = ANY(:ranking)), 0) AS due
            FROM ({shares}) AS shares GROUP BY 1
        ) AS ranks
        ORDER BY kept / nullif(due, 0) DESC NULLS LAST, due DESC, department
        OFFSET :first LIMIT :most
    """  # noqa: S608 - texts of this package
    facts = {"whose": key, "ranking": list(ranking), "first": first, "most": most}
    found = await session.execute(text(statement), {**_asked(statement, bounds), **facts})
    return [Rank(row[0], {id_: (met, due) for id_, (met, due) in row[1].items()}) for row in found]


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
    by: str,
    measure: str,
    bounds: Mapping[str, Any],
    request: PageRequest | None,
) -> Flows:
    """Return sums by provider and consumer, the greatest of a measure first; FLOWS_MAX at once."""
    condition, key = _whose(
        whose,
        ("f.provider_department", "f.consumer_department"),
        ("f.provider_region", "f.consumer_region"),
    )
    most = FLOWS_MAX if request is None else request.limit
    facts: dict[str, Any] = {"whose": key, "most": most + 1}
    behind = "true"
    if request is not None and request.after is not None:
        behind = f"(-{measure}, provider, consumer) > (:amount, :provider, :consumer)"
        facts |= dict(zip(("amount", "provider", "consumer"), _flow(request.after), strict=True))
    statement = f"""
        WITH sums AS MATERIALIZED (
            SELECT f.provider_{by} AS provider, f.consumer_{by} AS consumer,
                CAST(sum(f.answers) AS bigint) AS answers,
                CAST(sum(f.records) AS bigint) AS records, CAST(sum(f.bytes) AS bigint) AS bytes
            FROM ({FLOWS}) AS f WHERE {condition} GROUP BY 1, 2
        ), whole AS (SELECT count(*) AS count, max({measure}) AS greatest FROM sums)
        SELECT sums.*, whole.* FROM sums, whole WHERE {behind}
        ORDER BY {measure} DESC, provider, consumer LIMIT :most
    """  # noqa: S608 - texts of this package
    found = await session.execute(text(statement), {**_asked(statement, bounds), **facts})
    rows = found.all()
    items = [Flow(*row[:5]) for row in rows[:most]]
    cursor = _flow_cursor(items[-1], measure) if len(rows) > most else None
    count, greatest = (rows[0][5], rows[0][6]) if rows else (0, 0)
    return Flows(Page(items, cursor), count, greatest)


def _flow_cursor(flow: Flow, measure: str) -> str:
    amount = {"answers": flow.answers, "records": flow.records, "bytes": flow.bytes_}[measure]
    return encode(f"{amount}|{flow.provider}|{flow.consumer}")


def _flow(after: str) -> tuple[int, str, str]:
    """Return the place behind which a page of flows begins; raises InvalidCursor."""
    match after.split("|"):
        case [amount, provider, consumer] if amount.isascii() and amount.isdigit():
            if int(amount) < AMOUNTS_END:
                return -int(amount), provider, consumer
    raise InvalidCursor
