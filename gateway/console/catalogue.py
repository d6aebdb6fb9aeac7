"""目录: finding entries, one entry with its items, versions and users, and what is done with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from auth import directory
from auth.principal import Role
from catalog import lifecycle, resources, search, versions
from catalog.contracts.examples import Value, examples
from catalog.contracts.model import Contract, Field
from catalog.entries import ShareType
from catalog.search import Criteria
from catalog.states import Action, State
from catalog.visibility import Shown
from exchange.announcements import publication
from exchange.disputes.states import Kind
from exchange.publishing import opening
from exchange.subscriptions import register
from gateway import names
from gateway.api.entries import (
    DiffView,
    ResourceSummary,
    ResourceView,
    SignOff,
    TransitionView,
    VersionSummary,
    diff_view,
    summaries,
    transition_views,
    version_summary,
    view,
)
from gateway.console import alike, disputes, entry_life, forms
from gateway.console.alike import Alike
from gateway.console.entry_life import Life
from gateway.console.item_changes import ItemChange, item_changes
from gateway.console.pages import act, page, steps
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import ReadSession, WriteSession
from kernel.errors import NotFound, ShuyuanError
from kernel.paging import PageRequest
from kernel.turns import unhurried
from kernel.workdays import local_date

router = APIRouter()
USERS = PageRequest(50)
FACET_VALUES_MAX = 12


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter with how many it would leave; `query` is its parameter."""

    query: str
    value: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`askable` are the entries that the person may apply for.

    `badges` tell by entry whether its items are of the department's own sources.
    """

    entries: Sequence[ResourceSummary]
    facets: Mapping[str, Sequence[Facet]]
    next_cursor: str | None
    askable: frozenset[str]
    badges: Mapping[str, str]


@page(router, "/console/catalogue", "catalogue.html")
async def catalogue(visit: Visit) -> Catalogue:
    async with visit.reading() as session:
        found = await search.find(session, visit.principal, _criteria(visit), visit.paging)
        entries = await summaries(session, found.page.items)
        counted = found.facets.counts
        departments = await directory.departments(session, list(counted.get("department", {})))
    facets = {
        kind: _facets(kind, counts, departments)
        for kind, counts in counted.items()
        if kind in ("share_type", "status", "class", "department")
    }
    askable = frozenset(each.id for each in entries if _may_ask(visit, each))
    badges = {each.resource.id: _badge(each.version.items) for each in found.page.items}
    return Catalogue(entries, facets, found.page.next_cursor, askable, badges)


def _badge(items: Sequence[Mapping[str, Any]]) -> str:
    """Return whether all, some or none of an entry's items are of a source of its department."""
    of_source = [item["role"] == "source" for item in items]
    return "source" if all(of_source) else "partly" if any(of_source) else "reference"


def _may_ask(visit: Visit, entry: ResourceSummary) -> bool:
    shared = entry.share_type is not ShareType.NONE and entry.published_version is not None
    mine = entry.department == visit.principal.department
    return visit.has(Role.CLERK) and shared and not mine and entry.status != State.RETIRED


def _criteria(visit: Visit) -> Criteria:
    share_type, status = visit.query("share_type"), visit.query("status")
    digits = visit.query("class")
    return Criteria(
        q=(visit.query("q") or "")[:100] or None,
        department=visit.query("department"),
        region_code=visit.query("region_code"),
        class_code=digits if digits and digits.isdigit() else None,
        share_type=ShareType(share_type) if share_type in set(ShareType) else None,
        element=visit.query("element"),
        status=State(status) if status in set(State) else None,
    )


def _facets(kind: str, counts: Mapping[str, int], departments: Mapping[str, str]) -> list[Facet]:
    most = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:FACET_VALUES_MAX]
    return [Facet(kind, value, departments.get(value, value), count) for value, count in most]


@dataclass(frozen=True, slots=True)
class User:
    """Who uses an entry, as far as the caller may know."""

    id: str
    consumer: str
    client: str
    status: str


@dataclass(frozen=True, slots=True)
class EntryPage:
    """One entry; `fields` are the standards of its items, none where the contract is not whole.

    `examples` are made-up values of the items that have one.
    """

    entry: ResourceView
    own: bool
    serving: bool
    fields: Mapping[str, Field]
    examples: Mapping[str, Value]
    versions: Sequence[VersionSummary]
    history: Sequence[TransitionView]
    users: Sequence[User]
    diff: DiffView | None
    item_changes: Sequence[ItemChange]
    alike: Sequence[Alike]
    dispute: str
    life: Life


@page(router, "/console/catalogue/{id}", "entry.html")
async def entry_page(visit: Visit) -> EntryPage:
    async with visit.reading() as session:
        return await _entry(visit, session, visit.part("id"))


async def _entry(visit: Visit, session: ReadSession, resource_id: str) -> EntryPage:
    principal, today = visit.principal, local_date(visit.now)
    shown = await resources.get(session, principal, resource_id)
    listed = await versions.listed(session, principal, resource_id)
    entry = await view(session, shown)
    contract = await _contract(session, visit, entry)
    diff = await _diff(session, visit, listed, today=today)
    return EntryPage(
        entry=entry,
        own=entry.department == principal.department,
        serving=entry_life.serves(entry),
        fields={} if contract is None else {each.name: each for each in contract.fields},
        examples={} if contract is None else await _examples(contract),
        versions=[version_summary(each) for each in listed],
        history=await _history(session, visit, resource_id),
        users=await _users(session, visit, resource_id),
        diff=diff,
        item_changes=[] if diff is None else item_changes(diff),
        alike=await alike.of_entry(visit, session, entry),
        life=await entry_life.gathered(visit, session, entry),
        dispute=await disputes.link(
            visit, session, Kind.CATALOGUE, entry.id,
            between=(principal.department, entry.department),
        ),
    )  # fmt: skip


async def _contract(session: ReadSession, visit: Visit, entry: ResourceView) -> Contract | None:
    """Return the standards of the items; None while an element of the draft is missing."""
    try:
        return await versions.shown_contract(
            session, visit.principal, entry.id, entry.version, on=local_date(visit.now)
        )
    except ShuyuanError:
        return None


async def _examples(contract: Contract) -> dict[str, Value]:
    """Return a made-up value of each item, as far as there is one."""
    try:
        records = (await unhurried(examples(contract))).records
    except ShuyuanError:
        return {}
    return (
        {name: value for name, value in records[0].items() if value is not None} if records else {}
    )


async def _history(session: ReadSession, visit: Visit, resource_id: str) -> list[TransitionView]:
    try:
        steps = await versions.history(session, visit.principal, resource_id)
    except NotFound:
        return []
    return await transition_views(session, visit.principal, steps)


async def _users(session: ReadSession, visit: Visit, resource_id: str) -> list[User]:
    found = await register.page(
        session, visit.principal, USERS, now=visit.now, resource_id=resource_id
    )
    views: list[dict[str, Any]] = [
        {
            "id": each.id,
            "consumer_department": each.consumer_department,
            "client_id": each.client_id,
            "status": register.status_at(each, visit.now),
        }
        for each in found.items
    ]
    await names.add(session, views)
    return [
        User(each["id"], each["consumer_name"] or "", each["client_name"] or "", each["status"])
        for each in views
    ]


async def _diff(
    session: ReadSession,
    visit: Visit,
    listed: Sequence[Shown],
    *,
    today: Any,  # noqa: ANN401
) -> DiffView | None:
    """Compare the version shown with the one before it, for who reviews or waits for it."""
    numbers = [each.version.number for each in listed]
    if len(numbers) < 2:  # noqa: PLR2004 - two versions are compared
        return None
    old, new = numbers[-2], numbers[-1]
    try:
        found = await versions.compare_versions(
            session, visit.principal, listed[-1].resource.id, old, new, on=today
        )
    except ShuyuanError:
        return None
    return diff_view(old, new, found)


_step = steps(router, "/console/catalogue", entry_page, "entry.html")


async def _submit(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    signed = forms.body(
        SignOff, {"leader_name": visit.text("leader_name"), "signed_on": visit.text("signed_on")}
    )
    return await lifecycle.submit(
        session,
        visit.principal,
        resource_id,
        **signed.model_dump(),
        now=visit.now,
        four_eyes=visit.using.settings.needs_four_eyes,
        similar_score=visit.using.settings.similar_score,
    )


async def _withdraw(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    return await lifecycle.withdraw(session, visit.principal, resource_id, now=visit.now)


async def _discard(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    return await lifecycle.discard(session, visit.principal, resource_id, now=visit.now)


async def _return(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    reason = forms.required(visit, "reason")
    return await lifecycle.send_back(
        session, visit.principal, resource_id, reason=reason, now=visit.now
    )


async def _approve(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    return await lifecycle.approve(session, visit.principal, resource_id, now=visit.now)


async def _revise(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    return await lifecycle.revise(session, visit.principal, resource_id, now=visit.now)


async def _retire(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    reason = forms.required(visit, "reason")
    return await opening.retire(session, visit.principal, resource_id, reason=reason)


_step(Action.SUBMIT, N_("已签批并送审。"), _submit)
_step(Action.WITHDRAW, N_("已撤回，可以继续修改。"), _withdraw)
_step(Action.DISCARD, N_("草稿已放弃。"), _discard)
_step(Action.RETURN, N_("已退回，理由已告知起草部门。"), _return)
_step(Action.APPROVE, N_("审核通过，可以发布。"), _approve)
_step(Action.REVISE, N_("新版本已起草，现行版本继续有效。"), _revise)
_step(Action.RETIRE, N_("已停止提供。"), _retire)


for _action, (_done, _taken) in entry_life.STEPS.items():
    _step(_action, _done, _taken)


async def _publish(visit: Visit) -> Go:
    """Put the approved version in force; the topic is made before the transaction."""
    resource_id, using = visit.part("id"), visit.using
    await opening.ensure_topic(using.database, using.bus.topics, visit.principal, resource_id)
    async with visit.writing() as session:
        turns = using.bus.reader.turns
        await publication.publish(session, visit.principal, resource_id, turns)
    return Go(f"/console/catalogue/{resource_id}", N_("已发布，可以上报数据、受理申请。"))


act(router, "/console/catalogue/{id}/publish", entry_page, "entry.html")(_publish)
