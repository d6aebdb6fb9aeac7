"""Versions that are announced before they hold, and what their users say (Order 809 Art 27)."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, StrictInt

from catalog import lifecycle
from catalog.announcing import Announcement
from catalog.revisions import Announced
from exchange.announcements import filing, register, states
from exchange.announcements.answering import Answering
from exchange.announcements.register import AnnouncedVersion, Standing, is_open
from exchange.announcements.states import ALLOWED_ROLES, Answer
from exchange.disputes.states import Decision
from exchange.stewardship.version_effects import Effect
from gateway import names
from gateway.api.entries import ResourceView
from gateway.api.registry import Prose
from gateway.api.resources import VERSION_MAX, ResourceId, Step
from gateway.next_steps import NextStep, by_side
from gateway.once import Acting
from gateway.principal import ApplicationsWriter, CatalogReader, CatalogWriter
from gateway.services import Reading, Using, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/resources", tags=["resources"])
answers = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

Version = Annotated[StrictInt, Field(ge=1, le=VERSION_MAX)]


class AnnouncementIn(Wire):
    """`basis` names the law, regulation or State Council decision that demands the change."""

    effective_on: Day
    reason: Prose
    basis: Prose | None = None


class Acceptance(Wire):
    version: Version
    reason: Prose | None = None


class Objection(Wire):
    version: Version
    reason: Prose


class ChangeFiling(Wire):
    """备案; `reference` is the number under which the authority files it."""

    reference: Prose | None = None


class StandingView(Wire):
    """Where one affected subscription stands; `decision` is that on its objection."""

    subscription_id: str
    consumer_department: str
    consumer_name: str | None
    client_id: str
    client_name: str | None
    effect: Effect
    items_lost: list[str]
    items_narrowed: list[str]
    answer: Answer
    reason: str | None
    dispute_id: str | None
    dispute_open: bool
    decision: Decision | None
    next: list[NextStep]


class AnnouncementFields(Wire):
    resource_id: str
    resource_name: str | None
    version: int
    announced_at: datetime
    effective_on: Day
    announced_reason: str
    basis: str | None


class AnnouncementView(AnnouncementFields):
    """`affected` are the subscriptions that the reader may know of; `verdict` is the worst."""

    verdict: Effect
    affected: list[StandingView]


class AnswerView(StandingView, AnnouncementFields):
    """What was said to an announced version for one subscription."""


@router.post("/{resource_id}/announce")
async def announce(
    resource_id: ResourceId,
    body: AnnouncementIn,
    session: Writing,
    principal: CatalogWriter,
    step: Step,
) -> ResourceView:
    """公告已审核的新版本及生效日期 / tell from which day an approved version will hold."""
    announcement = Announcement(**body.model_dump())
    return await step(
        await lifecycle.announce_version(
            session, principal, resource_id, announcement, now=clock.now()
        )
    )


@router.get("/{resource_id}/announcement")
async def find(
    resource_id: ResourceId, session: Reading, principal: CatalogReader, using: Using
) -> AnnouncementView:
    """已公告、尚未生效的版本 / the version that is announced; 404 where none is."""
    turns, now = using.bus.reader.turns, clock.now()
    found = await register.find(session, principal, resource_id, turns, now=now)
    return await announcement_view(session, found)


@router.post("/{resource_id}/file-change")
async def file_all(
    resource_id: ResourceId,
    body: ChangeFiling,
    session: Writing,
    principal: CatalogWriter,
    using: Using,
    once: Acting,
) -> AnnouncementView:
    """到期未答复的全部备案 / file what was left unanswered, from the effective day on."""
    found = await filing.file_change(
        session,
        principal,
        resource_id,
        using.bus.reader.turns,
        reason=body.reference,
        now=clock.now(),
    )
    return await once.keep(await announcement_view(session, found))


@answers.post("/{subscription_id}/accept-version")
async def accept(
    subscription_id: str,
    body: Acceptance,
    session: Writing,
    principal: ApplicationsWriter,
    once: Acting,
) -> AnswerView:
    """同意已公告的版本 / accept the announced version; an open objection is taken back."""
    told = await Answering(session, principal).accept(
        subscription_id, body.version, body.reason, now=clock.now()
    )
    return await once.keep(await _answered(session, *told))


@answers.post("/{subscription_id}/object")
async def object_to(
    subscription_id: str,
    body: Objection,
    session: Writing,
    principal: ApplicationsWriter,
    once: Acting,
) -> AnswerView:
    """对已公告的版本提出异议 / object to it, which opens a dispute with the provider."""
    told = await Answering(session, principal).object(
        subscription_id, body.version, body.reason, now=clock.now()
    )
    return await once.keep(await _answered(session, *told))


@answers.post("/{subscription_id}/file-change")
async def file_one(
    subscription_id: str,
    body: ChangeFiling,
    session: Writing,
    principal: ApplicationsWriter,
    once: Acting,
) -> AnswerView:
    """到期未答复的备案 / file that this consumer left the version unanswered."""
    told = await Answering(session, principal).file(
        subscription_id, None, body.reference, now=clock.now()
    )
    return await once.keep(await _answered(session, *told))


async def announcement_view(session: ReadSession, found: AnnouncedVersion) -> AnnouncementView:
    own = _announced(found.announced)
    affected = [_standing(each) for each in found.standings]
    await names.add(session, [own, *affected])
    return AnnouncementView.model_validate({**own, "verdict": found.verdict, "affected": affected})


async def answer_view(
    session: ReadSession, told: tuple[Announced, Standing] | None
) -> AnswerView | None:
    """Return what one subscription is told of an announced version, None where it is not."""
    return None if told is None else await _answered(session, *told)


async def _answered(session: ReadSession, announced: Announced, standing: Standing) -> AnswerView:
    view = {**_announced(announced), **_standing(standing)}
    await names.add(session, [view])
    return AnswerView.model_validate(view)


def _announced(announced: Announced) -> dict[str, Any]:
    return {
        "resource_id": announced.resource_id,
        "version": announced.version,
        "announced_at": announced.announced_at,
        "effective_on": announced.effective_on,
        "announced_reason": announced.reason,
        "basis": announced.basis,
    }


def _standing(standing: Standing) -> dict[str, Any]:
    grant, outcome = standing.affected.grant, standing.affected.outcome
    return {
        "subscription_id": grant.id,
        "consumer_department": grant.consumer_department,
        "client_id": grant.client_id,
        "effect": outcome.effect,
        "items_lost": outcome.items_lost,
        "items_narrowed": outcome.items_narrowed,
        "answer": standing.answer,
        "reason": standing.reason,
        "dispute_id": None if standing.dispute is None else standing.dispute.id,
        "dispute_open": is_open(standing.dispute),
        "decision": standing.decision,
        "next": by_side(states.actions(standing.answer), ALLOWED_ROLES),
    }
