"""Putting a version in force that breaks nobody by surprise (Order 809 Art 27)."""

from collections.abc import Sequence
from datetime import datetime

from auth.principal import Principal
from catalog import lifecycle, revisions
from catalog.entries import ShareType
from catalog.revisions import Announced
from catalog.visibility import Shown
from exchange.announcements.errors import ConsentPending
from exchange.announcements.register import Standing, has_come, of_version
from exchange.subscriptions.store import hold_resource
from exchange.subscriptions.supervision import suspend_unshared
from kernel import clock
from kernel.database import WriteSession
from kernel.errors import REPORTED_ERRORS_MAX
from kernel.turns import FairScheduler


async def publish(
    session: WriteSession, principal: Principal, resource_id: str, turns: FairScheduler
) -> Shown:
    """Publish the approved version, whose topic exists, if those affected let it.

    Nothing is granted, accepted or objected to meanwhile. A version that is not to be shared
    suspends the subscriptions of the resource. Raises ConsentPending, and as
    `catalog.lifecycle.publish`.
    """
    now = clock.now()
    await hold_resource(session, resource_id, alone=True)
    shown = await lifecycle.publishing(session, principal, resource_id)
    await require_consent(session, shown, turns, now=now)
    published = await lifecycle.publish(session, principal, resource_id, now=now)
    if published.version.share_type == ShareType.NONE:
        basis = published.version.legal_basis or ""
        await suspend_unshared(session, principal.actor, resource_id, basis=basis, now=now)
    return published


async def require_consent(
    session: WriteSession, shown: Shown, turns: FairScheduler, *, now: datetime
) -> None:
    """Raise ConsentPending while an affected subscription keeps the version from it."""
    announced = await revisions.announced(session, shown.resource.id)
    standings = await of_version(session, shown, announced, turns, now=now)
    come = announced is not None and has_come(announced.effective_on, now)
    pending = [each for each in standings if not each.lets_publish(has_come=come)]
    if pending:
        raise _pending(shown, announced, pending)


def _pending(shown: Shown, announced: Announced | None, pending: Sequence[Standing]) -> Exception:
    facts = [
        {
            "subscription_id": each.affected.grant.id,
            "consumer_department": each.affected.grant.consumer_department,
            "effect": str(each.affected.outcome.effect),
            "answer": str(each.answer),
            "dispute_id": None if each.dispute is None else each.dispute.id,
        }
        for each in pending[:REPORTED_ERRORS_MAX]
    ]
    return ConsentPending(
        *_sentences(shown.version.number, announced, len(pending)),
        version=shown.version.number,
        effective_on=None if announced is None else str(announced.effective_on),
        pending=facts,
        pending_count=len(pending),
    )


def _sentences(version: int, announced: Announced | None, count: int) -> tuple[str, str]:
    """Say in both languages what has still to be done."""
    if announced is None:
        zh = f"新版本影响 {count} 项运行中的共享授权，须先由数据提供部门公告（announce）"
        en = f"{count} running subscription(s) are affected: the provider's head must announce it"
        return zh, en
    day = announced.effective_on
    zh = (
        f"尚有 {count} 项受影响的共享授权未同意版本 {version}"
        f"（{day} 起，未答复的可由主管部门备案；有异议的须先处理争议）"
    )
    en = (
        f"{count} affected subscription(s) have not accepted version {version}; from {day} the"
        " authority may file what is unanswered, and disputes must be decided first"
    )
    return zh, en
