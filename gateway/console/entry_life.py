"""What goes on about an entry: announced versions, notices of change, impact and lineage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from fastapi import APIRouter

from auth.principal import Role
from catalog import change_notices, lifecycle, yearly_reviews
from catalog.announcing import Announcement
from catalog.change_notices import NoticeState
from catalog.states import State
from catalog.visibility import Shown
from exchange.announcements import filing
from exchange.announcements.register import AnnouncedVersion, has_come
from exchange.announcements.states import Answer
from gateway.api import announcements, impact, lineage
from gateway.api.announcements import AnnouncementIn, AnnouncementView
from gateway.api.change_notices import ChangeNoticeIn
from gateway.api.entries import ResourceView
from gateway.api.impact import ImpactView
from gateway.api.lineage import LineageView
from gateway.api.yearly_reviews import YearlyReviewIn
from gateway.console import drawing, forms
from gateway.console.drawing import Drawing
from gateway.console.pages import Step, page
from gateway.console.places import place
from gateway.console.texts import N_
from gateway.console.visit import Visit
from kernel import paging
from kernel.database import ReadSession, WriteSession
from kernel.errors import NotFound

router = APIRouter()
DEPTHS = ("1", "2", "3", "4", "5")
# A page of two thousand grants was 800 KB, and nobody reads them there.
GRANTS_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Life:
    """`notice` are the acts on a notice of change that the person may take.

    `may_review` is about the yearly review.
    """

    announced: AnnouncementView | None
    may_file: bool
    notice: Sequence[str]
    may_review: bool
    measurable: bool


async def gathered(visit: Visit, session: ReadSession, entry: ResourceView) -> Life:
    announced = await _announced(visit, session, entry)
    return Life(
        announced=announced,
        may_file=_may_file(visit, entry, announced),
        notice=_notice(visit, entry),
        may_review=_heads(visit, entry) and serves(entry),
        measurable=_measurable(visit, entry),
    )


async def _announced(
    visit: Visit, session: ReadSession, entry: ResourceView
) -> AnnouncementView | None:
    if entry.announcement is None:
        return None
    try:
        return await announcements.find(entry.id, session, visit.principal, visit.using)
    except NotFound:
        return None


def _may_file(visit: Visit, entry: ResourceView, announced: AnnouncementView | None) -> bool:
    if announced is None or not visit.oversees(entry.region_code):
        return False
    unanswered = any(each.answer is Answer.UNANSWERED for each in announced.affected)
    return unanswered and has_come(announced.effective_on, visit.now)


def _notice(visit: Visit, entry: ResourceView) -> list[str]:
    known = entry.change_notice
    heads = _heads(visit, entry)
    if known is None:
        return ["give"] if heads and serves(entry) and entry.update_due_on is None else []
    if known.state is NoticeState.RUNNING and heads:
        return ["extend"]
    asked = known.state is NoticeState.EXTENSION_REQUESTED
    return ["consent"] if asked and visit.oversees(entry.region_code) else []


def _heads(visit: Visit, entry: ResourceView) -> bool:
    return visit.has(Role.HEAD) and entry.department == visit.principal.department


def serves(entry: ResourceView) -> bool:
    """Whether a version of it is in force."""
    return entry.published_version is not None and entry.status is not State.RETIRED


def _measurable(visit: Visit, entry: ResourceView) -> bool:
    """Whether there is a version to compare with the one in force, for who may see both."""
    coming = entry.published_version is not None and entry.version != entry.published_version
    own = entry.department == visit.principal.department and visit.has(Role.CLERK, Role.HEAD)
    return coming and (own or visit.oversees(entry.region_code))


async def _announce(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    typed = {name: visit.text(name) for name in ("effective_on", "reason", "basis")}
    body = forms.body(AnnouncementIn, forms.present(typed))
    announcement = Announcement(**body.model_dump())
    return await lifecycle.announce_version(
        session, visit.principal, resource_id, announcement, now=visit.now
    )


async def _give(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    typed = {name: visit.text(name) for name in ("occurred_on", "cause")}
    said = forms.body(ChangeNoticeIn, forms.present(typed)).model_dump()
    return await change_notices.give(session, visit.principal, resource_id, **said, now=visit.now)


async def _extend(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    reason = forms.required(visit, "reason")
    return await change_notices.extend(
        session, visit.principal, resource_id, reason=reason, now=visit.now
    )


async def _consent(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    return await change_notices.consent(session, visit.principal, resource_id, now=visit.now)


async def _review(visit: Visit, session: WriteSession, resource_id: str) -> Shown:
    typed = {name: visit.text(name) for name in ("outcome", "note")}
    body = forms.body(YearlyReviewIn, forms.present(typed))
    return await yearly_reviews.review(
        session, visit.principal, resource_id, body.outcome, note=body.note, now=visit.now
    )


async def _file(visit: Visit, session: WriteSession, resource_id: str) -> AnnouncedVersion:
    return await filing.file_change(
        session,
        visit.principal,
        resource_id,
        visit.using.bus.reader.turns,
        reason=visit.text("reference"),
        now=visit.now,
    )


STEPS: Mapping[str, tuple[str, Step]] = {
    "announce": (N_("新版本已公告，受影响的需求部门会收到通知。"), _announce),
    "change-notice": (N_("变更已登记，十个工作日内须更新目录。"), _give),
    "change-notice/extend": (N_("已申请延长，等待主管部门同意。"), _extend),
    "change-notice/consent": (N_("已同意延长。"), _consent),
    "yearly-review": (N_("年度复核已登记，一年后再次提醒。"), _review),
    "file-change": (N_("到期未答复的均已备案。"), _file),
}


@dataclass(frozen=True, slots=True)
class ImpactPage:
    """`count` is of all running subscriptions, of which the page has some, the worst first."""

    impact: ImpactView
    count: int
    next_cursor: str | None


@page(router, "/console/catalogue/{id}/impact", "impact.html")
async def measured(visit: Visit) -> ImpactPage:
    first, most = visit.paging.first, visit.paging.limit
    found = await impact.tried(visit.part("id"), visit.principal, visit.using)
    wanted = list(islice(found.worst_first, first, first + most))
    shown = await impact.view(visit.using, found, wanted)
    cursor = paging.encode(str(first + most)) if found.count > first + most else None
    return ImpactPage(shown, found.count, cursor)


@dataclass(frozen=True, slots=True)
class LineagePage:
    """`drawing` is None where there is too much to be drawn; the table tells it all the same."""

    resource_id: str
    name: str
    depth: str
    depths: Sequence[str]
    lineage: LineageView
    drawing: Drawing | None
    names: Mapping[str, str]
    links: Mapping[str, str]


@page(router, "/console/catalogue/{id}/lineage", "lineage.html")
async def traced(visit: Visit) -> LineagePage:
    resource_id, depth = visit.part("id"), visit.query("depth") or ""
    chosen = depth if depth in DEPTHS else "2"
    async with visit.reading() as session:
        found = await lineage.told(session, visit.principal, resource_id, int(chosen), GRANTS_SHOWN)
    names = {each.id: each.name or each.id for each in found.nodes}
    nodes = [(each.id, str(each.kind), names[each.id]) for each in found.nodes]
    edges = [(edge.origin, edge.to) for edge in found.edges]
    links = {each.id: place(str(each.kind), each.id) for each in found.nodes}
    name = names.get(resource_id, resource_id)
    drawn = drawing.graph(nodes, edges)
    return LineagePage(resource_id, name, chosen, DEPTHS, found, drawn, names, links)
