"""质量: what the rules of each dimension found day by day, and which rules are declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, Response

from auth.principal import Role
from catalog import versions
from exchange.quality import declare
from exchange.quality.rules import Dimension, Kind, Op
from gateway.api import quality as api
from gateway.api.entries import ItemWire, item_views
from gateway.api.quality import QualityView, RuleWire
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.series import Series, of_days
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import ReadSession
from kernel.errors import NotFound

router = APIRouter()
TEMPLATE = "quality.html"
BLANK_RULES = 2
FIELDS = ("id", "dimension", "kind", "items", "op", "threshold")


@dataclass(frozen=True, slots=True)
class Trend:
    """One rule: its totals, and for each day the share of what passed, in percent."""

    dimension: str
    rule: str
    checked: int
    failed: int
    days: Sequence[tuple[date, int]]
    sample_keys: Sequence[str]

    @property
    def passed(self) -> str:
        return f"{100 - self.failed * 100 / self.checked:.1f} %" if self.checked else "—"


@dataclass(frozen=True, slots=True)
class QualityPage:
    quality: QualityView
    trends: Sequence[Trend]
    items: Sequence[ItemWire]
    rows: Sequence[Mapping[str, str]]
    declarable: bool
    chart: Series
    choices_of: Mapping[str, Sequence[str]]


@page(router, "/console/catalogue/{id}/quality", TEMPLATE)
async def measured(visit: Visit) -> QualityPage:
    resource_id = visit.part("id")
    async with visit.reading() as session:
        found = await api.read(resource_id, session, visit.principal, Response(), None)
        items, own = await _items(visit, session, resource_id)
    offered = {
        "dimension": [str(each) for each in Dimension],
        "kind": [str(each) for each in Kind],
        "op": [str(each) for each in Op],
    }
    declarable = own and visit.has(Role.CLERK)
    return QualityPage(
        found, trends(found), items, _rows(visit, found), declarable, over_days(found), offered
    )


async def _items(
    visit: Visit, session: ReadSession, resource_id: str
) -> tuple[Sequence[ItemWire], bool]:
    try:
        shown = await versions.shown(session, visit.principal, resource_id)
    except NotFound:
        return (), False
    own = shown.resource.department == visit.principal.department
    return await item_views(session, shown), own


def trends(found: QualityView) -> list[Trend]:
    """Return what was measured, one rule a row, the worst first; pure."""
    by_rule: dict[tuple[str, str], list[api.CheckView]] = {}
    for each in found.items:
        by_rule.setdefault((str(each.dimension), each.rule), []).append(each)
    rows = [
        Trend(
            dimension=dimension,
            rule=rule,
            checked=sum(each.checked for each in checks),
            failed=sum(each.failed for each in checks),
            days=[(each.day, _percent(each)) for each in sorted(checks, key=lambda c: c.day)],
            sample_keys=max(checks, key=lambda c: c.day).sample_keys or (),
        )
        for (dimension, rule), checks in by_rule.items()
    ]
    return sorted(
        rows, key=lambda row: row.failed / row.checked if row.checked else 0, reverse=True
    )


def over_days(found: QualityView) -> Series:
    """Draw the share of what passed, a line a dimension, the days on which it was checked; pure."""
    days = sorted({each.day for each in found.items})
    counts: dict[str, dict[date, tuple[int, int]]] = {}
    for each in found.items:
        of = counts.setdefault(str(each.dimension), {})
        checked, failed = of.get(each.day, (0, 0))
        of[each.day] = (checked + each.checked, failed + each.failed)
    lines = [
        (dimension, [_share(*of.get(day, (0, 0))) for day in days])
        for dimension, of in sorted(counts.items())
    ]
    return of_days("quality_days", "percent", days, lines, top=100)


def _share(checked: int, failed: int) -> float | None:
    return round((checked - failed) * 100 / checked, 1) if checked else None


def _percent(check: api.CheckView) -> int:
    return (check.checked - check.failed) * 100 // check.checked if check.checked else 100


def _rows(visit: Visit, found: QualityView) -> list[Mapping[str, str]]:
    """Return the rows of the form: as they were typed, or the rules and empty ones after them."""
    if "rule_id" in visit.form:
        return _typed(visit)
    known: list[Mapping[str, str]] = [
        {
            "id": rule.id,
            "dimension": str(rule.dimension),
            "kind": str(rule.kind),
            "items": "、".join(rule.items),
            "op": "" if rule.op is None else str(rule.op),
            "threshold": "" if rule.threshold is None else f"{rule.threshold:g}",
        }
        for rule in found.rules
    ]
    return [*known, *[dict.fromkeys(FIELDS, "")] * BLANK_RULES]


def _typed(visit: Visit) -> list[Mapping[str, str]]:
    columns = [list(map(str, visit.form.getlist(f"rule_{name}"))) for name in FIELDS]
    return [dict(zip(FIELDS, row, strict=True)) for row in zip(*columns, strict=False)]


def _rule(row: Mapping[str, str]) -> dict[str, object]:
    items = [
        each for each in row["items"].replace(",", "、").replace("，", "、").split("、") if each
    ]
    threshold = row["threshold"].strip()
    return forms.present(
        {
            "id": row["id"].strip(),
            "dimension": row["dimension"],
            "kind": row["kind"],
            "items": [each for each in items if each],
            "op": row["op"] or None,
            "threshold": _number(threshold) if threshold else None,
        }
    )


def _number(text: str) -> object:
    """Return the number that was typed; anything else as it stands, to be refused."""
    try:
        return float(text)
    except ValueError:
        return text


async def declare_rules(visit: Visit) -> Go:
    """Declare the rules of the form in place of those that there are."""
    resource_id = visit.part("id")
    rows = [row for row in _typed(visit) if row["id"].strip()]
    rules = [forms.body(RuleWire, _rule(row)).rule() for row in rows]
    known = forms.whole(visit.text("revision"))
    async with visit.writing() as session:
        await declare.declare(
            session,
            visit.principal,
            resource_id,
            rules,
            # Where nothing was declared yet there is no revision to have read.
            revision=known if isinstance(known, int) and known else None,
            anyhow=False,
            now=visit.now,
        )
    return Go(f"/console/catalogue/{resource_id}/quality", N_("质量规则已保存。"))


act(router, "/console/catalogue/{id}/quality", measured, TEMPLATE)(declare_rules)
