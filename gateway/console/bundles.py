"""批量申请: one form for several resources, signed and taken back together."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from exchange.bundles import signing
from exchange.bundles.register import Bundle
from exchange.bundles.states import Action, Status
from gateway.api import bundles as api
from gateway.api.bundle_shapes import BundleDetail, BundleView
from gateway.api.sharing import limits_of
from gateway.console.pages import page, steps
from gateway.console.texts import N_
from gateway.console.visit import Visit
from kernel.database import WriteSession

router = APIRouter()
ADDRESS, ONE = "/console/bundles", "bundle.html"


@dataclass(frozen=True, slots=True)
class Bundles:
    bundles: Sequence[BundleView]
    next_cursor: str | None


@page(router, ADDRESS, "bundles.html")
async def listed(visit: Visit) -> Bundles:
    status = visit.query("status")
    async with visit.reading() as session:
        found = await api.page(
            visit.principal,
            session,
            visit.paging,
            Status(status) if status in set(Status) else None,
        )
    return Bundles(found.items, found.next_cursor)


@dataclass(frozen=True, slots=True)
class BundlePage:
    bundle: BundleDetail


@page(router, f"{ADDRESS}/{{id}}", ONE)
async def one(visit: Visit) -> BundlePage:
    async with visit.reading() as session:
        return BundlePage(await api.find(visit.part("id"), visit.principal, session))


_step = steps(router, ADDRESS, one, ONE)


async def _sign(visit: Visit, session: WriteSession, bundle_id: str) -> Bundle:
    return await signing.sign(
        session,
        visit.principal,
        bundle_id,
        limits=limits_of(visit.using.settings),
        now=visit.now,
        four_eyes=visit.using.settings.needs_four_eyes,
    )


async def _withdraw(visit: Visit, session: WriteSession, bundle_id: str) -> Bundle:
    reason = visit.text("reason")
    return await signing.withdraw(session, visit.principal, bundle_id, reason=reason, now=visit.now)


_step(Action.SIGN, N_("已签批提交；不能签批的各行列在下面。"), _sign)
_step(Action.WITHDRAW, N_("尚未决定的各行已撤回。"), _withdraw)
