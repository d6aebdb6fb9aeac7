"""What the provider and the authority answer to an application."""

from datetime import datetime
from functools import partial

from fastapi import APIRouter

from exchange.applications import agreement, register, review
from exchange.applications.register import Application
from exchange.applications.review import RefusalCode
from exchange.applications.states import Action
from gateway.api.application_shapes import (
    Agreement,
    ExtensionRequest,
    Refusal,
    Rerouting,
    SupplementRequest,
)
from gateway.api.sharing import limits_of
from gateway.console import filters, forms
from gateway.console.applications import Step, step
from gateway.console.texts import N_
from gateway.console.visit import Visit
from kernel.database import WriteSession
from kernel.errors import FieldError, Invalid

router = APIRouter()


def _request_supplement(visit: Visit, application_id: str, now: datetime) -> Step:
    missing = (visit.text("missing") or "").splitlines()
    body = forms.body(
        SupplementRequest,
        {"missing": [each for each in missing if each.strip()], "message": visit.text("message")},
    )
    return lambda session: review.request_supplement(
        session,
        visit.principal,
        application_id,
        missing=body.missing,
        message=body.message,
        now=now,
    )


def _extend(visit: Visit, application_id: str, now: datetime) -> Step:
    days, reason = forms.whole(visit.text("working_days")), visit.text("reason")
    body = forms.body(ExtensionRequest, {"working_days": days, "reason": reason})
    return lambda session: review.extend(
        session,
        visit.principal,
        application_id,
        working_days=body.working_days,
        reason=body.reason,
        limits=limits_of(visit.using.settings),
        now=now,
    )


def _consent(visit: Visit, application_id: str, now: datetime) -> Step:
    note = visit.text("note")
    return lambda session: review.consent_extension(
        session, visit.principal, application_id, note=note, now=now
    )


def _deny(visit: Visit, application_id: str, now: datetime) -> Step:
    note = visit.text("note")
    return lambda session: review.deny_extension(
        session, visit.principal, application_id, note=note, now=now
    )


def _agree(visit: Visit, application_id: str, now: datetime) -> Step:
    """Agree to the ticked items; a mask is lifted where its box is ticked."""
    items = visit.texts("items")
    if not items:
        raise Invalid(errors=[FieldError("items", "too_short", "至少同意一项", "agree to one")])
    typed = {
        "records_per_day": forms.whole(visit.text("records_per_day")),
        "valid_until": visit.text("valid_until"),
        "note": visit.text("note"),
        "detail": True if "yes" in visit.texts("detail") else None,
        "ledger": True if "yes" in visit.texts("ledger") else None,
        "unmasked": [each for each in visit.texts("unmasked") if each in items],
        "items": items,
    }

    async def agree(session: WriteSession) -> Application:
        found = await register.find(session, visit.principal, application_id)
        conditions = await filters.typed_for(
            visit, session, "", found.resource_id, found.resource_version
        )
        more = {**typed, "row_filter": conditions or None}
        return await agreement.agree(
            session,
            principal=visit.principal,
            application_id=application_id,
            said=forms.body(Agreement, forms.present(more)).narrowing(),
            limits=limits_of(visit.using.settings),
            now=now,
        )

    return agree


def _refuse(visit: Visit, application_id: str, now: datetime) -> Step:
    typed = {"reason": visit.text("reason"), "basis": visit.text("legal_basis")}
    code = forms.whole(visit.text("code"))
    if code == RefusalCode.NOT_OUR_DATA:
        typed["source_department"] = visit.text("source_department")
    body = forms.body(Refusal, forms.present({"code": code, **typed}))
    return lambda session: review.refuse(
        session,
        visit.principal,
        application_id,
        code=RefusalCode(body.code),
        reason=body.reason,
        basis=body.basis,
        source_department=body.source_department,
        now=now,
    )


def _reroute(visit: Visit, application_id: str, now: datetime) -> Step:
    typed = {"resource_id": visit.text("resource_id"), "reason": visit.text("reason")}
    body = forms.body(Rerouting, forms.present(typed))
    return partial(
        review.reroute,
        principal=visit.principal,
        application_id=application_id,
        resource_id=body.resource_id,
        reason=body.reason,
        limits=limits_of(visit.using.settings),
        now=now,
    )


step(
    router, Action.REQUEST_SUPPLEMENT, N_("已告知对方补充材料，时限暂停计算。"), _request_supplement
)
step(router, Action.EXTEND, N_("延期申请已报主管部门。"), _extend)
step(router, Action.CONSENT_EXTENSION, N_("已同意延期。"), _consent)
step(router, Action.DENY_EXTENSION, N_("已告知不同意延期。"), _deny)
step(router, Action.AGREE, N_("已同意共享，授权已生成。"), _agree)
step(router, Action.REFUSE, N_("已答复不予共享。"), _refuse)
step(router, Action.REROUTE, N_("已转至数源部门，对方的答复时限开始计算。"), _reroute)
