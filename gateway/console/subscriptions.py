"""授权: what the department receives and gives, and its supervision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response

from catalog import versions
from exchange.delivery.viewing.preview import SHOWN_BY
from exchange.parties import Side
from exchange.subscriptions import register, supervision
from exchange.subscriptions.register import Subscription
from exchange.subscriptions.states import FILING, LIVE, Action, State
from gateway.api import subscriptions as api
from gateway.api.agreements import AgreementTerms, labels_of, terms_of
from gateway.api.entries import ItemWire, item_views
from gateway.api.subscriptions import Filing, SubscriptionDetail, SubscriptionView, Suspension
from gateway.console import aftercare, forms, samples
from gateway.console.aftercare import Aftercare
from gateway.console.applications import chosen_side, sides_of, version_in_force
from gateway.console.pages import act, page, steps
from gateway.console.samples import Granted, Sample
from gateway.console.standing import Standing, standing
from gateway.console.texts import N_
from gateway.console.visit import Visit
from kernel.database import WriteSession
from kernel.errors import NotFound
from kernel.workdays import local_date

router = APIRouter()
ONE = "subscription.html"


@dataclass(frozen=True, slots=True)
class Subscriptions:
    side: str
    sides: Sequence[str]
    subscriptions: Sequence[SubscriptionView]
    next_cursor: str | None


@page(router, "/console/subscriptions", "subscriptions.html")
async def listed(visit: Visit) -> Subscriptions:
    sides = sides_of(visit)
    side, status = chosen_side(visit, sides), visit.query("status")
    found = await api.page(
        visit.principal,
        visit.using,
        visit.paging,
        Side(side) if side else None,
        State(status) if status in set(State) else None,
    )
    return Subscriptions(side, sides, found.items, found.next_cursor)


@dataclass(frozen=True, slots=True)
class SubscriptionPage:
    """One subscription; `quota_percent` is what of today's quota is used, None without one.

    `askable` are the items that an amendment may ask for; `looks` whether the person may look at
    some of its records; `standing` how far it has come, None where that is not told.
    """

    subscription: SubscriptionDetail
    items: Mapping[str, ItemWire]
    consumes: bool
    filing_allowed: bool
    quota_percent: int | None
    samples: Sequence[Sample]
    care: Aftercare
    askable: Sequence[ItemWire]
    looks: bool
    standing: Standing | None


@page(router, "/console/subscriptions/{id}", ONE)
async def one(visit: Visit) -> SubscriptionPage:
    found = await api.find(visit.part("id"), visit.principal, visit.using, Response())
    quota = found.records_per_day
    care = await aftercare.gathered(visit, found)
    consumes = found.consumer_department == visit.principal.department
    return SubscriptionPage(
        subscription=found,
        items=await _items(visit, found),
        consumes=consumes,
        filing_allowed=visit.has("authority") and Action.TERMINATE in found.allowed,
        quota_percent=min(100, found.used_today * 100 // quota) if quota else None,
        samples=await _samples(visit, found) if consumes and found.status is State.ACTIVE else (),
        care=care,
        askable=await _askable(visit, found) if "amend" in care.offered else (),
        looks=_looks(visit, found),
        standing=await _standing(visit, found),
    )


async def _standing(visit: Visit, found: SubscriptionDetail) -> Standing | None:
    """Return how far it has come; with a row filter the places would count hidden rows."""
    if found.row_filter or found.status not in LIVE:
        return None
    async with visit.reading() as session:
        row = await register.find(session, visit.principal, found.id)
    return standing(await visit.using.bus.lags.standing(row))


async def _samples(visit: Visit, found: SubscriptionDetail) -> Sequence[Sample]:
    """Return programs that use it; none where the person does not see its version any more."""
    async with visit.reading() as session:
        try:
            contract = await versions.shown_contract(
                session,
                visit.principal,
                found.resource_id,
                found.resource_version,
                on=local_date(visit.now),
            )
        except NotFound:
            return ()
    masked = frozenset(name for name, mask in found.masks.items() if mask)
    base = visit.using.settings.base_url
    granted = Granted(base, found.client_id, found.id, found.mode, found.items, masked)
    return samples.of(granted, contract)


def _looks(visit: Visit, found: SubscriptionDetail) -> bool:
    """Whether the consumer's clerk or head may preview it, and download what it hands on."""
    own = found.consumer_department == visit.principal.department
    shown = found.status is State.ACTIVE and found.mode in SHOWN_BY
    return own and shown and visit.acting is None and visit.has("clerk", "head")


async def _askable(visit: Visit, found: SubscriptionDetail) -> Sequence[ItemWire]:
    async with visit.reading() as session:
        shown = await version_in_force(visit, session, found.resource_id)
        return await item_views(session, shown)


async def _items(visit: Visit, found: SubscriptionDetail) -> dict[str, ItemWire]:
    async with visit.reading() as session:
        try:
            shown = await versions.shown(
                session, visit.principal, found.resource_id, found.resource_version
            )
        except NotFound:
            return {}
        return {item.name: item for item in await item_views(session, shown)}


@dataclass(frozen=True, slots=True)
class AgreementPage:
    """What was agreed, to print; `items` are what people call them."""

    terms: AgreementTerms
    items: Mapping[str, str]


@page(router, "/console/subscriptions/{id}/agreement", "agreement.html")
async def agreement(visit: Visit) -> AgreementPage:
    terms = await terms_of(visit.using, visit.principal, visit.part("id"))
    return AgreementPage(terms, await labels_of(visit.using, visit.principal, terms))


_step = steps(router, "/console/subscriptions", one, ONE)


async def _suspend(visit: Visit, session: WriteSession, subscription_id: str) -> Subscription:
    typed = {"reason": visit.text("reason"), "remedy_by": visit.text("remedy_by")}
    said = forms.body(Suspension, forms.present(typed)).model_dump()
    return await supervision.suspend(
        session, visit.principal, subscription_id, **said, now=visit.now
    )


async def _resume(visit: Visit, session: WriteSession, subscription_id: str) -> Subscription:
    return await supervision.resume(session, visit.principal, subscription_id, now=visit.now)


async def _terminate(visit: Visit, session: WriteSession, subscription_id: str) -> Subscription:
    reason = forms.required(visit, "end_reason")
    return await supervision.terminate(
        session, visit.principal, subscription_id, reason=reason, now=visit.now
    )


async def _file(visit: Visit, session: WriteSession, subscription_id: str) -> Subscription:
    said = forms.body(Filing, {"reference": visit.text("reference")}).model_dump()
    return await supervision.file_termination(
        session, visit.principal, subscription_id, **said, now=visit.now
    )


_step(Action.SUSPEND, N_("已暂停，数据停止提供。刷新本页可以看到最后一个字节何时发出。"), _suspend)
_step(Action.RESUME, N_("已恢复。"), _resume)
_step(Action.TERMINATE, N_("已终止。"), _terminate)
for _action, (_done, _taken) in aftercare.STEPS.items():
    _step(_action, _done, _taken)
act(router, "/console/subscriptions/{id}/renew", one, ONE)(aftercare.renew)
act(router, "/console/subscriptions/{id}/amend", one, ONE)(aftercare.amend)
_step(FILING, N_("已备案，提供方可以终止。"), _file)
