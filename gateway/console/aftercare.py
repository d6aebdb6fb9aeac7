"""What follows a grant: renewal, amendment, use records, disposal, and versions yet to come."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from exchange.announcements import states as answers
from exchange.announcements.answering import Answering
from exchange.announcements.register import has_come
from exchange.announcements.states import Answer
from exchange.applications import continuing
from exchange.applications.register import Application
from exchange.disposals import disposal
from exchange.disposals.states import Action as Disposing
from exchange.disputes.states import Kind
from exchange.parties import may
from exchange.subscriptions import register
from exchange.subscriptions.continuing import is_renewable
from exchange.subscriptions.register import Subscription
from exchange.subscriptions.states import LIVE, Action
from exchange.usage import records
from gateway.api import aftercare as api
from gateway.api.aftercare import DisposalIn, DisposalView, UsageIn, UsageView
from gateway.api.announcements import Acceptance, AnswerView, Objection
from gateway.api.renewals import Amendment, Renewal
from gateway.api.subscriptions import SubscriptionDetail
from gateway.console import disputes, forms
from gateway.console.pages import Step
from gateway.console.texts import N_
from gateway.console.visit import Go, View, Visit
from gateway.lists import ListOf
from kernel.database import ReadSession, WriteSession
from kernel.paging import PageRequest

RECORDS = PageRequest(50)
Drafting = Callable[[Visit, WriteSession, str], Awaitable[Application]]


@dataclass(frozen=True, slots=True)
class Aftercare:
    """`continuing` is the open application by which it goes on; `offered` what to do beside.

    `answers` are those that the person may give to an announced version.
    """

    continuing: str | None
    offered: frozenset[str]
    answers: Sequence[str]
    usage: Sequence[UsageView]
    may_record: bool
    disposal: DisposalView | None
    dispute: str


async def gathered(visit: Visit, found: SubscriptionDetail) -> Aftercare:
    principal = visit.principal
    async with visit.reading() as session:
        row = await register.find(session, principal, found.id)
        open_ = await continuing.open_id(session, row)
        usage = await _usage(visit, session, found.id)
        return Aftercare(
            continuing=open_,
            offered=frozenset() if open_ else _offered(visit, row, found),
            answers=_answers(visit, row, found.announced),
            usage=usage.items,
            may_record=may(principal, row, records.WHO),
            disposal=None if found.status in LIVE else await _disposal(visit, session, found.id),
            dispute=await disputes.link(
                visit, session, Kind.USE, found.id,
                between=(found.consumer_department, found.provider_department),
            ),
        )  # fmt: skip


def _offered(visit: Visit, row: Subscription, found: SubscriptionDetail) -> frozenset[str]:
    steps = {Action.RENEW, Action.AMEND} & set(found.allowed)
    if not is_renewable(row, visit.now):
        steps.discard(Action.RENEW)
    return frozenset(map(str, steps))


def _answers(visit: Visit, row: Subscription, announced: AnswerView | None) -> list[str]:
    if announced is None:
        return []
    possible = answers.actions(Answer(announced.answer))
    mine = [each for each in possible if may(visit.principal, row, answers.ALLOWED_ROLES[each])]
    early = not has_come(announced.effective_on, visit.now)
    return [str(each) for each in mine if not (early and each is answers.Action.FILE)]


async def _usage(visit: Visit, session: ReadSession, subscription_id: str) -> ListOf[UsageView]:
    return await api.usage_records(subscription_id, visit.principal, session, RECORDS)


async def _disposal(visit: Visit, session: ReadSession, subscription_id: str) -> DisposalView:
    return await api.find_disposal(subscription_id, visit.principal, session, visit.using)


async def _renew(visit: Visit, session: WriteSession, subscription_id: str) -> Application:
    texts = {name: visit.text(name) for name in ("basis", "scenario", "scope")}
    typed = forms.present({"valid_until": visit.text("valid_until"), **texts})
    changes = forms.body(Renewal, typed).changes()
    return await continuing.renew(session, visit.principal, subscription_id, changes, now=visit.now)


async def _amend(visit: Visit, session: WriteSession, subscription_id: str) -> Application:
    quota = forms.whole(visit.text("quota"))
    typed = {"items": visit.texts("items"), **forms.present({"records_per_day": quota})}
    changes = forms.body(Amendment, typed).changes()
    return await continuing.amend(session, visit.principal, subscription_id, changes, now=visit.now)


def _lead_on(step: Drafting, done: str) -> View:
    """Return the act that leads to the application that the step has drafted."""

    async def take(visit: Visit) -> Go:
        async with visit.writing() as session:
            made = await step(visit, session, visit.part("id"))
        return Go(f"/console/applications/{made.id}", done)

    return take


renew = _lead_on(_renew, N_("续期申请已起草。请工作机构负责人签批提交。"))
amend = _lead_on(_amend, N_("变更申请已起草。请工作机构负责人签批提交。"))


async def _record(visit: Visit, session: WriteSession, subscription_id: str) -> object:
    names = ("scenario", "process", "effect", "storage", "destroyed")
    typed = forms.present({name: visit.text(name) for name in names})
    period = [forms.required(visit, name) for name in ("period_from", "period_to")]
    usage = forms.body(UsageIn, {"period": period, **typed}).usage()
    return await records.record(session, visit.principal, subscription_id, usage, now=visit.now)


async def _report(visit: Visit, session: WriteSession, subscription_id: str) -> object:
    typed = {name: visit.text(name) for name in ("method", "done_on", "note")}
    said = forms.body(DisposalIn, forms.present(typed)).model_dump()
    days = visit.using.settings.disposal_days
    return await disposal.report(
        session, visit.principal, subscription_id, **said, days=days, now=visit.now
    )


async def _confirm(visit: Visit, session: WriteSession, subscription_id: str) -> object:
    return await _answer(visit, session, subscription_id, Disposing.CONFIRM)


async def _return(visit: Visit, session: WriteSession, subscription_id: str) -> object:
    return await _answer(visit, session, subscription_id, Disposing.RETURN)


async def _answer(
    visit: Visit, session: WriteSession, subscription_id: str, action: Disposing
) -> object:
    return await disposal.answer(
        session,
        visit.principal,
        subscription_id,
        action,
        reason=visit.text("reason"),
        days=visit.using.settings.disposal_days,
        now=visit.now,
    )


async def _accept(visit: Visit, session: WriteSession, subscription_id: str) -> object:
    typed = {"version": forms.whole(visit.text("version")), "reason": visit.text("reason")}
    body = forms.body(Acceptance, forms.present(typed))
    answering = Answering(session, visit.principal)
    return await answering.accept(subscription_id, body.version, body.reason, now=visit.now)


async def _object(visit: Visit, session: WriteSession, subscription_id: str) -> object:
    typed = {"version": forms.whole(visit.text("version")), "reason": visit.text("reason")}
    body = forms.body(Objection, forms.present(typed))
    answering = Answering(session, visit.principal)
    return await answering.object(subscription_id, body.version, body.reason, now=visit.now)


async def _file(visit: Visit, session: WriteSession, subscription_id: str) -> object:
    reference = visit.text("reference")
    answering = Answering(session, visit.principal)
    return await answering.file(subscription_id, None, reference, now=visit.now)


STEPS: Mapping[str, tuple[str, Step]] = {
    "usage-records": (N_("使用记录已登记。"), _record),
    "disposal": (N_("数据处置情况已报提供方确认。"), _report),
    "disposal/confirm": (N_("已确认数据处置。"), _confirm),
    "disposal/return": (N_("已退回，请对方重新处置。"), _return),
    "accept-version": (N_("已同意新版本。"), _accept),
    "object": (N_("异议已提出，争议了结前新版本不能发布。"), _object),
    "file-change": (N_("已备案。"), _file),
}
