"""Counting violations and showing the cases (Order 809 Art 38–41)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from exchange.violations import store
from exchange.violations.tables import Violation
from exchange.violations.types import RULES, Rule, Type
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest
from kernel.workdays import end_of_day

__all__ = ["Count", "Scope", "Violation", "cases", "counted"]

# Of each type the newest are shown beside the count; the others are paged.
SHOWN: Final = 20
ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose violations, and of which days, both inclusive; None where all are meant."""

    department: str | None = None
    region_code: str | None = None
    from_: date | None = None
    to: date | None = None


@dataclass(frozen=True, slots=True)
class Count:
    type: Type
    rule: Rule
    count: int
    newest: Sequence[Violation]


async def counted(session: ReadSession, scope: Scope, article: int | None) -> list[Count]:
    """Return every type of the article, or of all, with its number and the newest cases."""
    conditions = _conditions(scope)
    numbers = await store.counts(session, conditions)
    newest = await store.newest(session, conditions, SHOWN)
    return [
        Count(type_, rule, numbers.get(type_, 0), newest.get(type_, []))
        for type_, rule in RULES.items()
        if article in (None, rule.article)
    ]


async def cases(
    session: ReadSession, scope: Scope, type_: Type | None, request: PageRequest
) -> Page[Violation]:
    conditions = _conditions(scope)
    if type_ is not None:
        conditions.append(store.of_type(type_))
    return await store.page(session, conditions, request)


def _conditions(scope: Scope) -> list[Any]:
    since = None if scope.from_ is None else _start(scope.from_)
    until = None if scope.to is None else end_of_day(scope.to)
    seen = store.seen(scope.department, scope.region_code)
    return [*seen, *store.occurred((since, until))]


def _start(day: date) -> datetime:
    return end_of_day(day - ONE_DAY)
