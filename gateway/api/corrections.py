"""`/v1/corrections`: a consumer objects to a record, its provider corrects it (Art 26, C7)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from auth.principal import Principal, Role, Scope
from exchange.attachments import keeping
from exchange.corrections import filing, fixing, moves, register
from exchange.corrections.marking import AT_ONCE_SECONDS
from exchange.corrections.register import Correction, Criteria
from exchange.corrections.states import Action, State
from exchange.parties import Side
from gateway import names
from gateway.api.correction_shapes import (
    ROLES,
    AffectedView,
    CorrectionDetail,
    CorrectionIn,
    CorrectionView,
    FiguresView,
    FixIn,
    Reason,
    views,
)
from gateway.api.sharing import Remark, history_views, limits_of, reason_of
from gateway.lists import ListOf, Paging, tag
from gateway.names import Fields
from gateway.once import CREATED, Acting, Keyed
from gateway.principal import ApplicationsWriter, Caller, CatalogReader
from gateway.services import Reading, Services, Using, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Moment, Wire

router = APIRouter(prefix="/v1/corrections", tags=["corrections"])
raising = APIRouter(prefix="/v1/subscriptions", tags=["corrections"])

EVER = datetime(2000, 1, 1, tzinfo=UTC)


class Figures(Wire):
    items: list[FiguresView]


async def _reader(principal: Caller) -> Principal:
    """Let the client of a subscription read with what it reads records with."""
    client = principal.kind == "client"
    principal.require_scope(Scope.RECORDS_READ if client else Scope.CATALOG_READ)
    return principal


async def _objector(principal: Caller) -> Principal:
    """Let staff and the client of a subscription object, before the thing is looked for."""
    client = principal.kind == "client"
    principal.require_scope(Scope.RECORDS_READ if client else Scope.APPLICATIONS_WRITE)
    return principal


Reader = Annotated[Principal, Depends(_reader)]
Objector = Annotated[Principal, Depends(_objector)]


@raising.post("/{subscription_id}/corrections", status_code=CREATED)
async def submit(
    subscription_id: str,
    body: CorrectionIn,
    using: Using,
    principal: Objector,
    key: Keyed,
    response: Response,
) -> CorrectionView:
    """提出校核申请 / object to a record that the subscription received, or to its lack."""
    request = body.request()
    async with using.database.reading() as session:
        await key.answered(session)
    asked, received = await filing.look(
        using.database, using.bus.search, using.bus.marking, principal, subscription_id, request,
        told_within=using.settings.audit_flush_seconds,
    )  # fmt: skip
    now, limits = clock.now(), limits_of(using.settings)
    async with using.database.transaction() as session:
        once = await key.claimed(session, CREATED)
        row = await filing.submit(session, principal, asked, received, limits=limits, now=now)
        await keeping.attach(session, principal, "correction", row.id, body.attachments)
        return await once.keep(await _view(session, principal, row, response))


@router.get("")
async def page(
    session: Reading,
    principal: Reader,
    paging: Paging,
    *,
    role: Annotated[Side | None, Query()] = None,
    status: Annotated[State | None, Query()] = None,
    overdue: Annotated[bool | None, Query()] = None,
    subscription_id: Annotated[str | None, Query(max_length=64)] = None,
) -> ListOf[CorrectionView]:
    """本部门提出、应答复和所辖的校核申请 / what the department raised, answers or oversees."""
    now = clock.now()
    criteria = Criteria(status, overdue, subscription_id)
    found = await register.page(session, principal, paging, criteria, now=now, side=role)
    items = [
        CorrectionView.model_validate(view)
        for view in await views(session, principal, found.items, now)
    ]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/statistics")
async def statistics(
    session: Reading,
    principal: CatalogReader,
    *,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
) -> Figures:
    """按提供部门和数据元统计 / figures by provider and element, of what was raised in a time."""
    principal.require_role(*Role)
    rows = await register.statistics(session, principal, since or EVER, until or clock.now())
    found: list[Fields] = [dict(row) for row in rows]
    await names.add(session, found)
    return Figures(items=[FiguresView.model_validate(view) for view in found])


@router.get("/{correction_id}")
async def find(
    correction_id: str, session: Reading, principal: Reader, response: Response
) -> CorrectionDetail:
    """一项校核 / one correction."""
    row = await register.find(session, principal, correction_id)
    [view] = await views(session, principal, [row], clock.now())
    steps = await register.history(session, correction_id)
    history = await history_views(session, principal, steps, ROLES)
    affected = await _affected(session, principal, row)
    tag(response, row.revision)
    return CorrectionDetail.model_validate({**view, "history": history, "affected": affected})


async def _affected(
    session: ReadSession, principal: Principal, row: Correction
) -> list[AffectedView] | None:
    rows = await register.affected(session, principal, row)
    if rows is None:
        return None
    found: list[Fields] = [
        {"subscription_id": each.id, "consumer_department": each.consumer_department}
        for each in rows
    ]
    await names.add(session, found)
    return [AffectedView.model_validate(view) for view in found]


@router.post("/{correction_id}/accept")
async def accept(
    correction_id: str,
    session: Writing,
    principal: ApplicationsWriter,
    once: Acting,
    response: Response,
    body: Remark | None = None,
) -> CorrectionView:
    """提供方负责人受理 / the provider's head accepts that the record is to be corrected."""
    row = await moves.answer(
        session, principal, correction_id, Action.ACCEPT, reason=reason_of(body), now=clock.now()
    )
    return await once.keep(await _view(session, principal, row, response))


@router.post("/{correction_id}/reject")
async def reject(
    correction_id: str,
    body: Reason,
    session: Writing,
    principal: ApplicationsWriter,
    once: Acting,
    response: Response,
) -> CorrectionView:
    """提供方负责人不予更正并说明理由 / the provider's head says why the record is right."""
    row = await moves.answer(
        session, principal, correction_id, Action.REJECT, reason=body.reason, now=clock.now()
    )
    return await once.keep(await _view(session, principal, row, response))


@router.post("/{correction_id}/fix")
async def fix(
    correction_id: str,
    body: FixIn,
    using: Using,
    principal: ApplicationsWriter,
    key: Keyed,
    response: Response,
) -> CorrectionView:
    """以回执说明已更正 / name the receipt that holds the right record; it is marked from now on."""
    async with using.database.reading() as session:
        await key.answered(session)
    found = await _found(using, principal, correction_id, body.receipt_id)
    async with using.database.transaction() as session:
        once = await key.claimed(session)
        row = await fixing.fix(session, principal, correction_id, found, now=clock.now())
        return await once.keep(await _view(session, principal, row, response))


async def _found(
    using: Services, principal: Principal, correction_id: str, receipt_id: str
) -> fixing.Fix:
    bus = using.bus
    return await fixing.find(
        using.database,
        bus.search,
        bus.marking,
        bus.publisher.receipt_key,
        principal,
        correction_id,
        receipt_id,
        seconds=AT_ONCE_SECONDS,
    )


@router.post("/{correction_id}/confirm")
async def confirm(
    correction_id: str,
    session: Writing,
    principal: Objector,
    once: Acting,
    response: Response,
    body: Remark | None = None,
) -> CorrectionView:
    """需求方确认已更正 / the consumer says that the record is right now."""
    row = await moves.end(
        session, principal, correction_id, Action.CONFIRM, reason=reason_of(body), now=clock.now()
    )
    return await once.keep(await _view(session, principal, row, response))


@router.post("/{correction_id}/reopen")
async def reopen(
    correction_id: str,
    session: Writing,
    using: Using,
    principal: Objector,
    once: Acting,
    response: Response,
    body: Remark | None = None,
) -> CorrectionView:
    """需求方认为未更正，限一次 / the consumer says, once, that the record is not right."""
    row = await moves.reopen(
        session,
        principal,
        correction_id,
        reason=reason_of(body),
        limits=limits_of(using.settings),
        now=clock.now(),
    )
    return await once.keep(await _view(session, principal, row, response))


@router.post("/{correction_id}/withdraw")
async def withdraw(
    correction_id: str,
    session: Writing,
    principal: Objector,
    once: Acting,
    response: Response,
    body: Remark | None = None,
) -> CorrectionView:
    """需求方在更正前撤回 / the consumer takes it back before it is fixed."""
    row = await moves.end(
        session, principal, correction_id, Action.WITHDRAW, reason=reason_of(body), now=clock.now()
    )
    return await once.keep(await _view(session, principal, row, response))


async def _view(
    session: ReadSession, principal: Principal, row: Correction, response: Response
) -> CorrectionView:
    [view] = await views(session, principal, [row], clock.now())
    tag(response, row.revision)
    return CorrectionView.model_validate(view)
