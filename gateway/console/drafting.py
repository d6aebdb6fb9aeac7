"""Drafting an entry in steps: each carries what the others hold, nothing is kept meanwhile."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Final

from fastapi import APIRouter
from starlette.datastructures import FormData

from auth.principal import Role
from catalog import elements, resources, sources
from catalog.similar import Wanted, WantedItem
from gateway.api.entries import EntryIn, ResourceView, view
from gateway.console import alike, forms, item_choices, offered
from gateway.console.alike import Alike
from gateway.console.item_choices import FoundElement
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import ReadSession
from kernel.errors import Stale

router = APIRouter()
BASIC = frozenset({"name", "abstract", "class_code", "region_code", "format", "update_cycle"})
# Said of an item only where it has to be.
SAID = ("refers_to", "unmasked_reason")
ITEM_FIELDS = ("name", "label", "element", "role", "mask", "keep_start", "keep_end", *SAID)
ITEMS = frozenset({f"item_{each}" for each in (*ITEM_FIELDS, "required", "key")})
SHARING = frozenset(
    {
        "share_type", "share_modes", "share_conditions", "share_scope", "share_purposes",
        "legal_basis", "open_type", "grade", "partitions",
    }
)  # fmt: skip
REVIEWERS = ("secrecy", "privacy")
REVIEW_FIELDS = ("passed", "by", "date", "document")
REVIEWS = frozenset(
    {"duplicates", alike.ID, alike.REASON}
    | {f"{who}_{each}" for who in REVIEWERS for each in REVIEW_FIELDS}
)
STEPS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "basic": (N_("基本信息"), BASIC),
    "items": (N_("信息项"), ITEMS),
    "sharing": (N_("共享属性"), SHARING),
    "reviews": (N_("评估"), REVIEWS),
    "preview": (N_("预览"), frozenset()),
}
# Buttons and helpers of the form, carried by no step.
CONTROLS = frozenset(
    {"go", "step", "add", "take", "remove", "element_q", "token", "revision", "over"}
)
# The button that adds every element that was ticked: with a sign that no code has.
TAKEN: Final = "*"
ROWS_FIRST = 3
ENTRY_STEPS = "drafting.html"


@dataclass(frozen=True, slots=True)
class Row:
    """An item as it was typed."""

    name: str = ""
    label: str = ""
    element: str = ""
    role: str = "reference"
    mask: str = ""
    keep_start: str = ""
    keep_end: str = ""
    refers_to: str = ""
    unmasked_reason: str = ""
    required: bool = False
    key: bool = False

    @property
    def blank(self) -> bool:
        return not (self.name or self.label or self.element)


@dataclass(frozen=True, slots=True)
class Drafting:
    """One step of the form; `hidden` are the fields of the others.

    `classes` are class codes to choose from, each with how many entries it has; `origins` are the
    published resources that an item may refer to, with their names, by element. `newer` is the
    revision of the draft where somebody has saved another since the form was opened.
    """

    action: str
    step: str
    steps: Mapping[str, str]
    rows: Sequence[Row]
    alike: Sequence[Alike]
    found: Sequence[FoundElement]
    suggested: Sequence[tuple[str, str]]
    element_q: str
    hidden: Sequence[tuple[str, str]]
    revision: str
    fresh: bool
    classes: Sequence[tuple[str, int]]
    origins: Mapping[str, Sequence[tuple[str, str]]]
    newer: str = ""


@page(router, "/console/catalogue/new", ENTRY_STEPS)
async def new(visit: Visit) -> Drafting:
    visit.principal.require_role(Role.CLERK)
    if not visit.form:
        visit.form = FormData(
            [
                # What describes the data is chosen, never guessed.
                ("region_code", visit.principal.region_code),
                ("share_modes", "pull"),
                ("partitions", "1"),
            ]
        )
    return await _drafting(visit, "/console/catalogue/new")


@page(router, "/console/catalogue/{id}/edit", ENTRY_STEPS)
async def edit(visit: Visit) -> Drafting:
    resource_id = visit.part("id")
    async with visit.reading() as session:
        resource = await resources.rewritable(session, visit.principal, resource_id)
        resources.require_draft(resource)
        if not visit.form:
            shown = await resources.get(session, visit.principal, resource_id)
            visit.form = FormData(list(_typed(await view(session, shown))))
        newer = str(resource.revision) if isinstance(visit.error, Stale) else ""
    return replace(await _drafting(visit, f"/console/catalogue/{resource_id}/edit"), newer=newer)


async def create(visit: Visit) -> object:
    """Go to another step, or keep the draft."""
    if visit.form.get("go") != "save":
        return await new(visit)
    entry = forms.body(EntryIn, _entry(visit)).entry()
    async with visit.writing() as session:
        shown = await resources.create(session, visit.principal, entry, now=visit.now)
    return Go(
        f"/console/catalogue/{shown.resource.id}", N_("草稿已保存。请工作机构负责人签批送审。")
    )


async def change(visit: Visit) -> object:
    if visit.form.get("go") != "save":
        return await edit(visit)
    resource_id = visit.part("id")
    entry = forms.body(EntryIn, _entry(visit)).entry()
    # Who has compared the two says over which revision this one goes.
    revision = forms.whole(visit.text("over") or visit.text("revision"))
    known = revision if isinstance(revision, int) else None
    async with visit.writing() as session:
        await resources.change(
            session, visit.principal, resource_id, entry, revision=known, now=visit.now
        )
    return Go(f"/console/catalogue/{resource_id}", N_("草稿已保存。请工作机构负责人签批送审。"))


act(router, "/console/catalogue/new", new, ENTRY_STEPS)(create)
act(router, "/console/catalogue/{id}/edit", edit, ENTRY_STEPS)(change)


async def _drafting(visit: Visit, action: str) -> Drafting:
    step, element_q = _step(visit), visit.text("element_q") or ""
    rows = list(_rows(visit.form)) or [Row(key=True, required=True)] + [Row()] * (ROWS_FIRST - 1)
    async with visit.reading() as session:
        found = await item_choices.found(visit, session, element_q) if step == "items" else []
        suggested = await item_choices.suggested(session) if step == "items" else []
        if step == "items":
            rows = await _changed(visit, session, rows)
        referred = _referred(rows) if step == "items" else set()
        origins = await item_choices.origins(visit, session, referred)
        classes = await offered.classes(session) if step == "basic" else []
        same = await alike.of_draft(visit, session, _wanted(visit)) if step == "reviews" else []
    return Drafting(
        action=action,
        step=step,
        steps={name: label for name, (label, _) in STEPS.items()},
        rows=rows,
        alike=same,
        found=found,
        suggested=suggested,
        element_q=element_q,
        hidden=forms.hidden(visit.form, STEPS[step][1] | CONTROLS),
        revision=visit.typed("revision"),
        fresh=action.endswith("/new"),
        classes=classes,
        origins=origins,
    )


def _referred(rows: Sequence[Row]) -> set[str]:
    """Return the elements that items refer to."""
    return {row.element for row in rows if row.element and row.role == "reference"}


def _step(visit: Visit) -> str:
    """Return the step to show: where something is wrong, where the person goes, the first one."""
    if visit.error is not None:
        return next((_step_of(each.path) for each in visit.error.errors), "preview")
    wanted = visit.form.get("go")
    shown = visit.form.get("step")
    if isinstance(wanted, str) and wanted in STEPS:
        return wanted
    return shown if isinstance(shown, str) and shown in STEPS else "basic"


def _step_of(path: str) -> str:
    """Return the step that shows a field of the API."""
    field = path.partition(".")[0].partition("[")[0]
    if field in ("items", "reviews"):
        return field
    return next((step for step, (_, fields) in STEPS.items() if field in fields), "preview")


def _rows(form: FormData) -> Iterator[Row]:
    columns = [[str(each) for each in form.getlist(f"item_{name}")] for name in ITEM_FIELDS]
    ticked = {name: set(form.getlist(f"item_{name}")) for name in ("required", "key")}
    for place, cells in enumerate(zip_longest(*columns, fillvalue="")):
        row: dict[str, Any] = dict(zip(ITEM_FIELDS, cells, strict=True))
        yield replace(
            Row(**row), required=str(place) in ticked["required"], key=str(place) in ticked["key"]
        )


async def _changed(visit: Visit, session: ReadSession, rows: list[Row]) -> list[Row]:
    """Return the rows after the button that was pressed: one more, one less, an element taken."""
    removed = forms.whole(visit.text("remove"))
    rows = [row for place, row in enumerate(rows) if place != removed]
    added = visit.text("add")
    if added == "row":
        return [*rows, Row()]
    for code in visit.texts("take") if added == TAKEN else [added or ""]:
        if code:
            rows = await _with(visit, session, rows, code)
    return rows


async def _with(visit: Visit, session: ReadSession, rows: Sequence[Row], code: str) -> list[Row]:
    """Return the rows with one of an element, in the first that is blank."""
    element = await elements.get(session, code)
    owner = await sources.source_of(session, code, visit.principal.region_code)
    own = owner is not None and owner.department == visit.principal.department
    blank = next((place for place, row in enumerate(rows) if row.blank), len(rows))
    first = Row(
        name=item_choices.name_of(code, [row.name for row in rows if not row.blank]),
        label=element.name,
        element=code,
        role="source" if own else "reference",
        key=blank == 0,
        required=blank == 0,
    )
    return [*rows[:blank], first, *rows[blank + 1 :]]


def _entry(visit: Visit) -> dict[str, Any]:
    """Return the form as the body of `POST /v1/resources`."""
    plain = ("name", "abstract", "class_code", "region_code", "update_cycle", "share_type")
    wording = ("share_conditions", "share_scope", "share_purposes", "legal_basis")
    fields = {name: visit.text(name) for name in (*plain, *wording, "open_type")}
    numbers = {name: forms.whole(visit.text(name)) for name in ("format", "grade", "partitions")}
    return {
        **forms.present({**fields, **numbers}),
        "share_modes": visit.texts("share_modes"),
        "items": [_item(row) for row in _rows(visit.form) if not row.blank],
        "reviews": {who: _review(visit, who) for who in REVIEWERS},
        "derived_from": visit.texts("derived_from"),
        "duplicates": [*alike.explained(visit), *_duplicates(visit.text("duplicates") or "")],
    }


def _wanted(visit: Visit) -> Wanted:
    """Return what the draft would carry, as far as it has been typed."""
    rows = [row for row in _rows(visit.form) if not row.blank]
    return Wanted(
        name=visit.text("name") or "",
        abstract=visit.text("abstract") or "",
        items=[WantedItem(row.label, row.element or None, not row.key) for row in rows],
        region_code=visit.text("region_code") or visit.principal.region_code,
        resource_id=visit.request.path_params.get("id", ""),
    )


def _duplicates(text: str) -> Iterator[dict[str, str]]:
    """Yield what was said of similar resources: an id and the reason in each line."""
    for line in text.splitlines():
        resource_id, _, reason = line.strip().partition(" ")
        if resource_id:
            yield {"resource_id": resource_id, "reason": reason.strip()}


def _item(row: Row) -> dict[str, Any]:
    return {
        "name": row.name.strip(),
        "label": row.label.strip(),
        "element": row.element.strip(),
        "required": row.required or row.key,
        "key": row.key,
        "role": row.role,
        "mask": _mask(row),
        **{name: getattr(row, name).strip() or None for name in SAID},
    }


def _mask(row: Row) -> dict[str, Any] | None:
    if row.mask == "partial":
        start, end = forms.whole(row.keep_start or "0"), forms.whole(row.keep_end or "0")
        return {"kind": "partial", "keep_start": start, "keep_end": end}
    return {"kind": row.mask} if row.mask else None


def _review(visit: Visit, who: str) -> dict[str, Any]:
    passed = "yes" in visit.texts(f"{who}_passed")
    rest = {name: visit.text(f"{who}_{name}") for name in REVIEW_FIELDS[1:]}
    return {"passed": passed, **forms.present(rest)}


def _typed(entry: ResourceView) -> Iterator[tuple[str, str]]:
    """Yield an entry as the fields of the form."""
    for name in sorted(BASIC | SHARING - {"share_modes"}):
        value = getattr(entry, name)
        if value is not None:
            yield name, "\n".join(value) if isinstance(value, list) else str(value)
    for mode in entry.share_modes:
        yield "share_modes", str(mode)
    for origin in entry.derived_from:
        yield "derived_from", origin
    for said in entry.duplicates:
        yield alike.ID, said.resource_id
        yield alike.REASON, said.reason
    yield from _typed_items(entry)
    yield from _typed_reviews(entry)
    yield "revision", str(entry.revision)


def _typed_items(entry: ResourceView) -> Iterator[tuple[str, str]]:
    for place, item in enumerate(entry.items):
        mask = item.mask.model_dump() if item.mask else {}
        cells = {"name": item.name, "label": item.label, "element": item.element}
        masked = {name: mask.get(name, "") for name in ("keep_start", "keep_end")}
        cells |= {"role": item.role, "mask": mask.get("kind", ""), **masked}
        cells |= {name: getattr(item, name) or "" for name in SAID}
        for name in ITEM_FIELDS:
            yield f"item_{name}", str(cells[name])
        for name in ("required", "key"):
            if getattr(item, name):
                yield f"item_{name}", str(place)


def _typed_reviews(entry: ResourceView) -> Iterator[tuple[str, str]]:
    for who in REVIEWERS:
        review = getattr(entry.reviews, who)
        if review.passed:
            yield f"{who}_passed", "yes"
        for name in REVIEW_FIELDS[1:]:
            yield f"{who}_{name}", str(getattr(review, name) or "")
