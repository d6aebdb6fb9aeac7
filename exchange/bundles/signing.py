"""Signing and withdrawing a bundle: the same step of every line that can take it."""

from datetime import datetime
from typing import Any

from auth.duties import require_other_eyes
from auth.principal import Principal
from exchange.applications import agreement, apply, deadlines
from exchange.applications.deadlines import Limits
from exchange.applications.offers import Offers
from exchange.applications.tables import Application
from exchange.bundles import register, states, store
from exchange.bundles.drafting import WRITTEN_AT_ONCE
from exchange.bundles.problems import told
from exchange.bundles.states import ALLOWED_ROLES, Action, fits
from exchange.bundles.store import Line
from exchange.bundles.tables import Bundle
from exchange.events import ExchangeEvent
from exchange.subscriptions.granting import hold_resource
from kernel import audit
from kernel.database import WriteSession
from kernel.errors import ShuyuanError


async def sign(
    session: WriteSession,
    principal: Principal,
    bundle_id: str,
    *,
    limits: Limits = deadlines.LEGAL,
    now: datetime,
    four_eyes: bool = False,
) -> Bundle:
    """Submit every line that is still possible; the others stay drafts with their problem.

    Raises NotFound, RoleRequired, FourEyes, and IllegalTransition where no line is a draft.
    """
    bundle, lines = await _begin(session, principal, bundle_id, Action.SIGN)
    if four_eyes:
        require_other_eyes(principal, {bundle.created_by})
    offers = Offers(session, principal)
    for resource_id in sorted({application.resource_id for _line, application in lines}):
        await hold_resource(session, resource_id)
    problems: dict[int, dict[str, Any] | None] = {}
    for first in range(0, len(lines), WRITTEN_AT_ONCE):
        some = lines[first : first + WRITTEN_AT_ONCE]
        # What lines add is written together: one statement a table, not three a line.
        with session.no_autoflush:
            for line, application in some:
                try:
                    await _sign(session, principal, application, offers, limits, now)
                except ShuyuanError as error:
                    problems[line.line] = told(error)
                else:
                    problems[line.line] = None
        await session.flush()
    await store.note_problems(session, bundle_id, problems)
    signed = await store.note_signature(session, bundle_id, signed_by=principal.id, signed_at=now)
    left_out = sum(problem is not None for problem in problems.values())
    facts = {"signed": len(problems) - left_out, "not_signed": left_out}
    _record(session, principal, ExchangeEvent.BUNDLE_SIGNED, bundle_id, **facts)
    return signed


async def _sign(
    session: WriteSession,
    principal: Principal,
    application: Application,
    offers: Offers,
    limits: Limits,
    now: datetime,
) -> None:
    """Sign one line. Whatever may refuse it does so before anything of it is written."""
    offer = await offers.of(application.resource_id)
    await apply.check(offers, apply.content_of(application), offer, now)
    await agreement.require_grantable(session, application, offer, now=now)
    await apply.submit(session, principal, application, offer, limits=limits, now=now)


async def withdraw(
    session: WriteSession,
    principal: Principal,
    bundle_id: str,
    *,
    reason: str | None = None,
    now: datetime,
) -> Bundle:
    """Take back every line that nobody has decided about."""
    bundle, lines = await _begin(session, principal, bundle_id, Action.WITHDRAW)
    for first in range(0, len(lines), WRITTEN_AT_ONCE):
        some = lines[first : first + WRITTEN_AT_ONCE]
        with session.no_autoflush:
            for _line, application in some:
                await apply.take_back(session, principal, application, reason=reason, now=now)
        await session.flush()
    facts = {"withdrawn": len(lines), "reason": reason}
    _record(session, principal, ExchangeEvent.BUNDLE_WITHDRAWN, bundle_id, **facts)
    return bundle


async def _begin(
    session: WriteSession, principal: Principal, bundle_id: str, action: Action
) -> tuple[Bundle, list[Line]]:
    """Lock the bundle and its lines; return those of which the action takes a step."""
    bundle = await store.lock(session, bundle_id, principal.department)
    principal.require_role(*ALLOWED_ROLES[action])
    lines = await store.lock_lines(session, bundle_id)
    standings = [register.line_status(line, application) for line, application in lines]
    states.require(action, standings)
    pairs = zip(lines, standings, strict=True)
    return bundle, [line for line, standing in pairs if fits(action, standing)]


def _record(
    session: WriteSession,
    principal: Principal,
    event: ExchangeEvent,
    bundle_id: str,
    **facts: Any,  # noqa: ANN401 - facts of any JSON kind
) -> None:
    audit.record(session, principal.actor, event, "bundle", bundle_id, **facts)
