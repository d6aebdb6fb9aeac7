"""`/v1/bundles`: one form for many resources and systems (docs/api.md section 4)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from auth.principal import Principal, Role, Scope
from exchange.attachments import keeping
from exchange.bundles import drafting, register, signing
from exchange.bundles.register import Bundle
from exchange.bundles.states import Status
from gateway.api.bundle_shapes import BundleDetail, BundleIn, BundleView, lines_told, told
from gateway.api.sharing import Remark, limits_of, reason_of
from gateway.lists import ListOf, Paging
from gateway.once import Acting, Once, creating
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.services import Reading, Using, Writing
from kernel import clock
from kernel.database import ReadSession

router = APIRouter(prefix="/v1/bundles", tags=["bundles"])

Creating = Annotated[Once, Depends(creating(Scope.APPLICATIONS_WRITE, Role.CLERK))]


async def _detail(
    session: ReadSession, principal: Principal, bundle: Bundle, now: datetime
) -> BundleDetail:
    view = (await told(session, principal, [bundle]))[0]
    view["lines"] = await lines_told(session, bundle.id, now)
    return BundleDetail.model_validate(view)


@router.post("", status_code=201)
async def create(
    body: BundleIn,
    principal: ApplicationsWriter,
    session: Writing,
    once: Creating,
    skip_invalid: Annotated[bool, Query()] = False,  # noqa: FBT002 - a query parameter
) -> BundleDetail:
    """A consumer's clerk drafts an application for each line, all or none of them.

    With `skip_invalid` lines that are wrong are listed and the others drafted.
    """
    now = clock.now()
    bundle = await drafting.create(
        session, principal, body.form(), skip_invalid=skip_invalid, now=now
    )
    applications = [line.application_id for line, _ in await register.lines(session, bundle.id)]
    things = [("bundle", bundle.id), *(("application", each) for each in applications)]
    await keeping.attach_to_all(session, principal, things, body.attachments)
    return await once.keep(await _detail(session, principal, bundle, now))


@router.get("")
async def page(
    principal: CatalogReader,
    session: Reading,
    paging: Paging,
    status: Annotated[Status | None, Query()] = None,
) -> ListOf[BundleView]:
    """List the bundles of the caller's department."""
    found = await register.page(session, principal, paging, status=status)
    views = await told(session, principal, found.items)
    items = [BundleView.model_validate(view) for view in views]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{bundle_id}")
async def find(bundle_id: str, principal: CatalogReader, session: Reading) -> BundleDetail:
    """一份批量申请及其各行 / one bundle with its lines."""
    bundle = await register.find(session, principal, bundle_id)
    return await _detail(session, principal, bundle, clock.now())


@router.post("/{bundle_id}/sign")
async def sign(
    bundle_id: str, principal: ApplicationsWriter, session: Writing, using: Using, once: Acting
) -> BundleDetail:
    """The consumer's head submits every line that is still possible (Art 20)."""
    now = clock.now()
    bundle = await signing.sign(
        session,
        principal,
        bundle_id,
        limits=limits_of(using.settings),
        now=now,
        four_eyes=using.settings.needs_four_eyes,
    )
    return await once.keep(await _detail(session, principal, bundle, now))


@router.post("/{bundle_id}/withdraw")
async def withdraw(
    bundle_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    once: Acting,
    body: Remark | None = None,
) -> BundleDetail:
    """Take back every line that nobody has decided about."""
    now, reason = clock.now(), reason_of(body)
    bundle = await signing.withdraw(session, principal, bundle_id, reason=reason, now=now)
    return await once.keep(await _detail(session, principal, bundle, now))
