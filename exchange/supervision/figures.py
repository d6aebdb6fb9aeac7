"""Figures of supervision: indicators and flows of a period, for whom the caller may see."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from auth.principal import Principal
from exchange.supervision import scope, store
from exchange.supervision.indicators import DEADLINES, INDICATORS, LEAGUE, Indicator
from kernel.database import ReadSession
from kernel.errors import BadRequest, InvalidCursor
from kernel.paging import Page, PageRequest, encode
from kernel.workdays import end_of_day, local_date

__all__ = [
    "By",
    "Case",
    "Figure",
    "Flow",
    "FlowBy",
    "Flows",
    "Measure",
    "Period",
    "Rank",
    "cases",
    "flows",
    "grouped",
    "indicators",
    "league",
    "period",
]

DAYS_MAX: Final = 366
DAYS_USUAL: Final = 29
ONE_DAY: Final = timedelta(days=1)

Case = store.Case
Flow = store.Flow
Flows = store.Flows
Rank = store.Rank


class By(StrEnum):
    DEPARTMENT = "department"
    REGION = "region"
    MONTH = "month"


class FlowBy(StrEnum):
    DEPARTMENT = "department"
    REGION = "region"


class Measure(StrEnum):
    RECORDS = "records"
    ANSWERS = "answers"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Period:
    """Both days are inclusive, in Shanghai."""

    from_: date
    to: date

    def bounds(self, now: datetime) -> Mapping[str, Any]:
        return {
            "from_day": self.from_,
            "to_day": self.to,
            "since": end_of_day(self.from_ - ONE_DAY),
            "until": end_of_day(self.to),
            "now": now,
        }


@dataclass(frozen=True, slots=True)
class Figure:
    """`group` is None where all are counted together; a count has no denominator."""

    indicator: Indicator
    group: str | None
    numerator: int
    denominator: int | None

    @property
    def value(self) -> float | None:
        return self.indicator.value(self.numerator, self.denominator)


def period(from_: date | None, to: date | None, now: datetime) -> Period:
    """Return the days asked for, the last thirty if none; raises BadRequest beyond a year."""
    last = to or local_date(now)
    first = from_ or last - timedelta(days=DAYS_USUAL)
    if not first <= last < first + timedelta(days=DAYS_MAX):
        raise BadRequest(
            f"from 不得晚于 to，期间最长 {DAYS_MAX} 天",
            f"from is not after to, and a period is {DAYS_MAX} days at most",
            parameter="from",
        )
    return Period(first, last)


async def indicators(
    session: ReadSession,
    principal: Principal,
    days: Period,
    by: By | None,
    *,
    now: datetime,
    only: Collection[str] = INDICATORS.keys(),
) -> Sequence[Figure]:
    """Return those indicators, or each by its groups in their order; raises RoleRequired.

    Each is counted from all of its cases: who shows some of them asks for no others.
    """
    whose, bounds = scope.of(principal), days.bounds(now)
    figures: list[Figure] = []
    for indicator in (each for name, each in INDICATORS.items() if name in only):
        rows = await store.counted(session, indicator.counted, whose, by, bounds)
        if not rows and by is None:
            rows = [(None, 0, 0)]
        figures += _figures(indicator, rows)
    return figures


def _figures(indicator: Indicator, rows: Sequence[tuple[str | None, int, int]]) -> list[Figure]:
    return [
        Figure(indicator, group, met, None if indicator.count else all_)
        for group, met, all_ in rows
    ]


async def grouped(
    session: ReadSession,
    principal: Principal,
    days: Period,
    by: By,
    request: PageRequest,
    *,
    now: datetime,
    only: Collection[str] = INDICATORS.keys(),
) -> Page[Figure]:
    """Return a page of those indicators, each by its groups in their order.

    Indicators that begin on a later page are not counted. Raises RoleRequired, InvalidCursor.
    """
    whose, bounds = scope.of(principal), days.bounds(now)
    chosen = [each for name, each in INDICATORS.items() if name in only]
    at, after = _behind(request, [each.id for each in chosen])
    figures: list[Figure] = []
    for indicator in chosen[at:]:
        most = request.limit + 1 - len(figures)
        rows = await store.counted(
            session, indicator.counted, whose, by, bounds, after=after, most=most
        )
        figures += _figures(indicator, rows)
        after = None
        if len(figures) > request.limit:
            break
    items = figures[: request.limit]
    more = len(figures) > request.limit
    return Page(
        items, encode(f"{items[-1].indicator.id}|{items[-1].group or ''}") if more else None
    )


def _behind(request: PageRequest, ids: Sequence[str]) -> tuple[int, str | None]:
    """Return the place of the indicator with which a page begins, and the group before it."""
    if request.after is None:
        return 0, None
    id_, bar, group = request.after.partition("|")
    if not bar or id_ not in ids:
        raise InvalidCursor
    return ids.index(id_), group


async def league(
    session: ReadSession,
    principal: Principal,
    days: Period,
    *,
    first: int,
    most: int,
    now: datetime,
) -> Sequence[Rank]:
    """Return departments by how many of their days of law they kept, from a place on.

    Raises RoleRequired.
    """
    whose, bounds = scope.of(principal), days.bounds(now)
    counts = {id_: INDICATORS[id_].counted for id_ in LEAGUE}
    return await store.ranked(session, counts, DEADLINES, whose, bounds, first=first, most=most)


async def cases(
    session: ReadSession,
    principal: Principal,
    indicator: Indicator,
    days: Period,
    request: PageRequest,
    *,
    met: bool | None,
    now: datetime,
) -> Page[Case]:
    """Return what an indicator was counted from, in the order of time; raises RoleRequired."""
    whose = scope.of(principal)
    return await store.cases(session, indicator.cases, whose, days.bounds(now), met, request)


async def flows(
    session: ReadSession,
    principal: Principal,
    days: Period,
    by: FlowBy,
    request: PageRequest | None,
    *,
    measure: Measure = Measure.RECORDS,
    now: datetime,
) -> Flows:
    """Return who delivered how much to whom, the greatest of a measure first; None: all of it.

    Raises RoleRequired, InvalidCursor.
    """
    whose = scope.of(principal)
    return await store.flows(session, whose, by, measure, days.bounds(now), request)
