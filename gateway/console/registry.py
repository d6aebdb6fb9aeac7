"""标准: standards, code lists with editions and the map between two, elements, and divisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote, urlencode

from fastapi import APIRouter

from auth.regions import directory
from auth.regions.directory import Criteria
from auth.regions.register import Level
from catalog import code_lists, elements, standards
from catalog.standards import NewStandard
from gateway.api import code_lists as lists_api
from gateway.api import regions as regions_api
from gateway.api import standards as standards_api
from gateway.api.code_lists import CodeItemView, CodeListView, CodeListWithEditions, PairView
from gateway.api.elements import ElementIn, ElementPatch, Retirement
from gateway.api.regions import DivisionView
from gateway.api.standards import StandardIn, StandardView
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.errors import ShuyuanError
from kernel.workdays import local_date

router = APIRouter()
STANDARDS, LIST, ELEMENT = "standards.html", "code_list.html", "element_new.html"


def _words(visit: Visit) -> str | None:
    return (visit.query("q") or "")[:100] or None


@dataclass(frozen=True, slots=True)
class Standards:
    standards: Sequence[StandardView]
    may_register: bool
    next_cursor: str | None


@page(router, "/console/standards", STANDARDS)
async def listed(visit: Visit) -> Standards:
    async with visit.reading() as session:
        found = await standards_api.find(session, visit.principal, visit.paging, _words(visit))
    may = visit.oversees(visit.principal.region_code)
    return Standards(found.items, may, found.next_cursor)


async def register_standard(visit: Visit) -> Go:
    typed = {name: visit.text(name) for name in ("code", "title", "edition", "effective_from")}
    body = forms.body(StandardIn, forms.present(typed))
    async with visit.writing() as session:
        new = NewStandard(**body.model_dump())
        await standards.register(session, visit.principal, new, now=visit.now)
    return Go("/console/standards", N_("标准已登记。"))


act(router, "/console/standards/register", listed, STANDARDS)(register_standard)


@dataclass(frozen=True, slots=True)
class CodeLists:
    code_lists: Sequence[CodeListView]
    next_cursor: str | None


@page(router, "/console/code-lists", "code_lists.html")
async def code_lists_listed(visit: Visit) -> CodeLists:
    async with visit.reading() as session:
        found = await lists_api.find(session, visit.principal, visit.paging, _words(visit))
    return CodeLists(found.items, found.next_cursor)


@dataclass(frozen=True, slots=True)
class CodeListPage:
    """`withdrawable` says whether the person may take an edition out of force."""

    code_list: CodeListWithEditions
    items: Sequence[CodeItemView]
    on: date
    next_cursor: str | None
    withdrawable: bool


@page(router, "/console/code-list", LIST)
async def code_list(visit: Visit) -> CodeListPage:
    code = visit.text("code") or visit.query("code") or ""
    on = _day(visit.query("on")) or local_date(visit.now)
    async with visit.reading() as session:
        found = await lists_api.get(code, session, visit.principal)
        values = await lists_api.items(code, session, visit.principal, visit.paging, on)
        try:
            await code_lists.own(session, visit.principal, code)
        except ShuyuanError:
            return CodeListPage(found, values.items, on, values.next_cursor, withdrawable=False)
    return CodeListPage(found, values.items, on, values.next_cursor, withdrawable=True)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


async def withdraw(visit: Visit) -> Go:
    code, edition = forms.required(visit, "code"), forms.required(visit, "edition")
    reason = forms.required(visit, "reason")
    async with visit.writing() as session:
        await code_lists.withdraw_edition(
            session, visit.principal, code, edition, reason=reason, now=visit.now
        )
    return Go(f"/console/code-list?{urlencode({'code': code})}", N_("该版次已撤销。"))


act(router, "/console/code-list", code_list, LIST)(withdraw)


@dataclass(frozen=True, slots=True)
class CodeMapPage:
    """`changed` are the values that are not the same in both editions."""

    code: str
    name: str
    editions: Sequence[str]
    first: str
    last: str
    changed: Sequence[PairView]
    same: int


@page(router, "/console/code-list/map", "code_map.html")
async def code_map(visit: Visit) -> CodeMapPage:
    code = visit.query("code") or ""
    async with visit.reading() as session:
        found = await lists_api.get(code, session, visit.principal)
        editions = [each.edition for each in found.editions if each.withdrawn_at is None]
        first, last = visit.query("from") or "", visit.query("to") or ""
        pairs: Sequence[PairView] = ()
        if first in editions and last in editions and first != last:
            told = await lists_api.mapped(code, session, visit.principal, first, last, None)
            pairs = told.pairs
    changed = [pair for pair in pairs if str(pair.kind) != "same"]
    same = len(pairs) - len(changed)
    return CodeMapPage(code, found.name, editions, first, last, changed, same)


@dataclass(frozen=True, slots=True)
class Divisions:
    divisions: Sequence[DivisionView]
    levels: Sequence[str]
    names: Mapping[str, str]
    next_cursor: str | None


@page(router, "/console/regions", "regions.html")
async def regions(visit: Visit) -> Divisions:
    level, status, parent = visit.query("level"), visit.query("status"), visit.query("parent")
    criteria = Criteria(
        q=_words(visit),
        parent=parent,
        level=Level(level) if level in set(Level) else None,
        in_force={"in_force": True, "ended": False}.get(status or ""),
    )
    request = visit.paging
    rows = directory.search(criteria, after=request.after, limit=request.limit + 1)
    found = request.page(rows, "code")
    shown = [regions_api.view(each) for each in found.items]
    above = {each.parent_code for each in shown if each.parent_code}
    names = {code: directory.get(code).name for code in above}
    return Divisions(shown, [str(each) for each in Level], names, found.next_cursor)


@dataclass(frozen=True, slots=True)
class NewElementPage:
    pass


@page(router, "/console/elements/new", ELEMENT)
async def new_element(visit: Visit) -> NewElementPage:
    visit.principal.require_authority(visit.principal.region_code)
    return NewElementPage()


TEXTS = ("code", "name", "definition", "data_type", "pattern", "code_list", "checker", "standard")
BOUNDS = ("minimum", "maximum")
COUNTS = ("min_length", "max_length", "precision", "scale", "sensitivity")


async def register_element(visit: Visit) -> Go:
    typed = {
        **{name: visit.text(name) for name in (*TEXTS, *BOUNDS)},
        **{name: forms.whole(visit.text(name)) for name in COUNTS},
        "personal": "yes" in visit.texts("personal"),
    }
    body = forms.body(ElementIn, forms.present(typed))
    async with visit.writing() as session:
        made = await elements.register(session, visit.principal, body.element(), now=visit.now)
        code = made.code
    return Go(f"/console/sources/{quote(code, safe='')}", N_("数据元已登记。"))


act(router, "/console/elements/new", new_element, ELEMENT)(register_element)


async def change_element(visit: Visit) -> Go:
    code = visit.part("code")
    examples = [each.strip() for each in (visit.text("examples") or "").splitlines()]
    typed = {
        "name": visit.text("name"),
        "definition": visit.text("definition"),
        "sensitivity": forms.whole(visit.text("sensitivity")),
        "examples": [each for each in examples if each],
    }
    changes = forms.body(ElementPatch, forms.present(typed)).changes()
    known = forms.whole(visit.text("revision"))
    revision = known if isinstance(known, int) else None
    async with visit.writing() as session:
        await elements.change(session, visit.principal, code, changes, revision=revision)
    return Go(f"/console/sources/{quote(code, safe='')}", N_("数据元已修改。"))


async def retire_element(visit: Visit) -> Go:
    code = visit.part("code")
    reason = forms.body(Retirement, {"reason": visit.text("reason")}).reason
    async with visit.writing() as session:
        await elements.retire(session, visit.principal, code, reason=reason, now=visit.now)
    return Go(f"/console/sources/{quote(code, safe='')}", N_("数据元已停用，已有目录不变。"))
