"""推送: where a subscription is pushed to, and what became of each batch."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response

from exchange.delivery.push import deliveries, endpoints
from exchange.delivery.push.deliveries import Status
from exchange.delivery.push.messages import Format
from gateway.api import endpoints as api
from gateway.api import subscriptions
from gateway.api.endpoints import (
    DeliveryView,
    EndpointIn,
    EndpointView,
    ResumeIn,
    RotateIn,
    SkipIn,
    TrialView,
)
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.errors import NotFound
from kernel.preconditions import Precondition

router = APIRouter()
TEMPLATE = "endpoint.html"
ADDRESS = "/console/subscriptions/{id}/endpoint"


@dataclass(frozen=True, slots=True)
class EndpointPage:
    """`secret` and `trial` are there once, after the act that made them."""

    subscription_id: str
    resource_name: str
    endpoint: EndpointView | None
    deliveries: Sequence[DeliveryView]
    next_cursor: str | None
    sets: bool
    formats: Sequence[str]
    revision: str = ""
    secret: str = ""
    trial: TrialView | None = None


@page(router, ADDRESS, TEMPLATE)
async def shown(visit: Visit) -> EndpointPage:
    return await _shown(visit)


async def _shown(visit: Visit, *, secret: str = "", trial: TrialView | None = None) -> EndpointPage:
    subscription_id, status = visit.part("id"), visit.query("status")
    found = await subscriptions.find(subscription_id, visit.principal, visit.using, Response())
    response = Response()
    async with visit.reading() as session:
        try:
            endpoint = await api.find(
                subscription_id, visit.principal, session, visit.using, response
            )
        except NotFound:
            endpoint = None
        pushed = await api.page(
            subscription_id,
            visit.principal,
            session,
            visit.paging,
            Status(status) if status in set(Status) else None,
        )
    mine = found.consumer_department == visit.principal.department
    return EndpointPage(
        subscription_id=subscription_id,
        resource_name=found.resource_name or found.resource_id,
        endpoint=endpoint,
        deliveries=pushed.items,
        next_cursor=pushed.next_cursor,
        sets=mine and visit.has("head") and found.mode == "push",
        formats=[str(each) for each in Format],
        revision=response.headers.get("ETag", "").strip('W/"'),
        secret=secret,
        trial=trial,
    )


async def put(visit: Visit) -> EndpointPage:
    """Set the endpoint, and show its secret, which no later page does."""
    typed = {
        **{name: visit.text(name) for name in ("url", "format")},
        **{name: forms.whole(visit.text(name)) for name in ("max_records", "max_bytes")},
    }
    body = forms.body(EndpointIn, forms.present(typed))
    known = forms.whole(visit.text("revision"))
    read = isinstance(known, int)
    precondition = Precondition(read, frozenset({known}) if isinstance(known, int) else None)
    view = await api.put(
        visit.part("id"), body, precondition, visit.principal, visit.using, Response()
    )
    return await _shown(visit, secret=view.secret or "")


async def rotate(visit: Visit) -> EndpointPage | Go:
    hours = forms.whole(visit.text("overlap_hours"))
    body = forms.body(RotateIn, forms.present({"overlap_hours": hours}))
    async with visit.writing() as session:
        if before := await forms.sent_before(visit, session):
            return before
        standing = await endpoints.rotate(
            session,
            visit.principal,
            visit.part("id"),
            overlap_hours=body.overlap_hours,
            box=visit.using.box,
            now=visit.now,
        )
        secret = standing.secret or ""
        await forms.remember(visit, session, _address(visit))
    return await _shown(visit, secret=secret)


async def try_it(visit: Visit) -> EndpointPage:
    trial = await api.try_endpoint(visit.part("id"), visit.principal, visit.using)
    return await _shown(visit, trial=trial)


act(router, ADDRESS, shown, TEMPLATE)(put)
act(router, f"{ADDRESS}/rotate", shown, TEMPLATE)(rotate)
act(router, f"{ADDRESS}/test", shown, TEMPLATE)(try_it)


async def pause(visit: Visit) -> Go:
    async with visit.writing() as session:
        await endpoints.pause(session, visit.principal, visit.part("id"), now=visit.now)
    return _back(visit, N_("推送已暂停，不会丢失数据。"))


async def resume(visit: Visit) -> Go:
    past_gap = forms.body(ResumeIn, {"past_gap": "yes" in visit.texts("past_gap")}).past_gap
    async with visit.writing() as session:
        await endpoints.resume(
            session, visit.principal, visit.part("id"), past_gap=past_gap, now=visit.now
        )
    return _back(visit, N_("推送已恢复。"))


async def retry(visit: Visit) -> Go:
    delivery = forms.required(visit, "delivery")
    async with visit.writing() as session:
        await deliveries.retry(session, visit.principal, visit.part("id"), delivery, now=visit.now)
    return _back(visit, N_("即将重试。"))


async def skip(visit: Visit) -> Go:
    delivery = forms.required(visit, "delivery")
    reason = forms.body(SkipIn, forms.present({"reason": visit.text("reason")})).reason
    async with visit.writing() as session:
        await deliveries.skip(
            session, visit.principal, visit.part("id"), delivery, reason=reason, now=visit.now
        )
    return _back(visit, N_("已跳过该批。"))


def _back(visit: Visit, done: str) -> Go:
    return Go(_address(visit), done)


def _address(visit: Visit) -> str:
    return f"/console/subscriptions/{visit.part('id')}/endpoint"


for _name, _taken in {"pause": pause, "resume": resume, "retry": retry, "skip": skip}.items():
    act(router, f"{ADDRESS}/{_name}", shown, TEMPLATE)(_taken)
