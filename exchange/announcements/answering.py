"""A consumer accepts an announced version or objects; the authority files what is unanswered."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from auth.principal import Principal
from catalog import revisions
from catalog.revisions import Announced
from exchange import store as moving
from exchange.announcements import store
from exchange.announcements.register import Standing, has_come
from exchange.announcements.states import ALLOWED_ROLES, Action, Answer, next_answer
from exchange.announcements.tables import VersionAnswer
from exchange.disputes import resolving
from exchange.disputes.opening import Claim, open_dispute
from exchange.disputes.states import Kind
from exchange.disputes.tables import Dispute
from exchange.events import ExchangeEvent
from exchange.parties import authorize
from exchange.stewardship import impact
from exchange.stewardship.impact import Affected
from exchange.stewardship.version_effects import Effect
from exchange.subscriptions import store as subscriptions
from exchange.subscriptions.register import status_at
from exchange.subscriptions.states import LIVE
from exchange.subscriptions.tables import Subscription
from kernel import audit, outbox
from kernel.database import WriteSession
from kernel.errors import Conflict, IllegalTransition

EVENTS: Final[Mapping[Action, ExchangeEvent]] = {
    Action.ACCEPT: ExchangeEvent.VERSION_ACCEPTED,
    Action.OBJECT: ExchangeEvent.VERSION_OBJECTED,
    Action.FILE: ExchangeEvent.CHANGE_FILED,
}


class Answering:
    """One act on the announced version of one subscription's resource, in one transaction."""

    def __init__(self, session: WriteSession, principal: Principal) -> None:
        self._session, self._principal = session, principal

    async def accept(
        self, subscription_id: str, version: int, reason: str | None, *, now: datetime
    ) -> tuple[Announced, Standing]:
        """Accept the version; an objection that waits for its decision is taken back with it.

        Raises NotFound, 403 errors, IllegalTransition, Conflict where it touches nothing.
        """
        announced, affected, row = await self._begin(subscription_id, version, Action.ACCEPT, now)
        if row is not None and row.dispute_id is not None:
            await resolving.close_accepted(self._session, self._principal, row.dispute_id, now=now)
        await self._put(announced, affected, Action.ACCEPT, reason, now)
        return announced, Standing(affected, Answer.ACCEPTED, reason)

    async def object(
        self, subscription_id: str, version: int, reason: str, *, now: datetime
    ) -> tuple[Announced, Standing]:
        """Object, which opens a dispute with the provider; raises as `accept`."""
        announced, affected, _row = await self._begin(subscription_id, version, Action.OBJECT, now)
        dispute = await self._dispute(announced, affected, reason, now)
        await self._put(announced, affected, Action.OBJECT, reason, now, dispute_id=dispute.id)
        return announced, Standing(affected, Answer.OBJECTED, reason, dispute)

    async def file(
        self, subscription_id: str, version: int | None, reason: str | None, *, now: datetime
    ) -> tuple[Announced, Standing]:
        """File (备案) that a consumer left the version unanswered; Conflict before its day."""
        announced, affected, _row = await self._begin(subscription_id, version, Action.FILE, now)
        require_come(announced, now)
        await self._put(announced, affected, Action.FILE, reason, now)
        return announced, Standing(affected, Answer.FILED, reason)

    async def _begin(
        self, subscription_id: str, version: int | None, action: Action, now: datetime
    ) -> tuple[Announced, Affected, VersionAnswer | None]:
        """Hold the resource before the subscription, as publishing does; then look at both."""
        session = self._session
        seen = await moving.get(session, Subscription, subscription_id)
        authorize(self._principal, seen, ALLOWED_ROLES[action])
        await subscriptions.hold_resource(session, seen.resource_id, alone=False)
        subscription = await moving.lock(session, Subscription, subscription_id)
        announced = await self._announced(subscription, version, now)
        row = await store.answer(session, announced, subscription_id)
        next_answer(Answer.UNANSWERED if row is None else Answer(row.answer), action)
        return announced, await self._affected(subscription, now), row

    async def _announced(
        self, subscription: Subscription, version: int | None, now: datetime
    ) -> Announced:
        state = status_at(subscription, now)
        announced = await revisions.announced(self._session, subscription.resource_id)
        if state not in LIVE or announced is None:
            raise IllegalTransition(
                "没有已公告、尚未生效的版本，或共享授权已结束",
                "No version is announced and still to come, or the subscription has ended",
                state=state,
                allowed=[],
            )
        if version not in (None, announced.version):
            raise Conflict(
                f"已公告的是版本 {announced.version}，请重新读取公告",
                f"Version {announced.version} is announced; read the announcement again",
                version=announced.version,
            )
        return announced

    async def _affected(self, subscription: Subscription, now: datetime) -> Affected:
        found = await impact.of_grant(self._session, subscription, now=now)
        if found.outcome.effect is Effect.NONE:
            raise Conflict(
                "该版本不影响本共享授权，无需答复",
                "The version does not touch this subscription: no answer is needed",
            )
        return found

    async def _dispute(
        self, announced: Announced, affected: Affected, reason: str, now: datetime
    ) -> Dispute:
        grant = affected.grant
        about = {
            "resource_id": announced.resource_id,
            "version": announced.version,
            "subscription_id": grant.id,
        }
        claim = Claim(
            kind=Kind.VERSION,
            about_id=announced.resource_id,
            about=about,
            claimant=grant.consumer_department,
            respondent=announced.department,
            text=reason,
        )
        return await open_dispute(self._session, self._principal, claim, now=now)

    async def _put(
        self,
        announced: Announced,
        affected: Affected,
        action: Action,
        reason: str | None,
        now: datetime,
        **more: Any,  # noqa: ANN401 - columns of the answer
    ) -> None:
        """Write the answer with history, audit and message; no term of the grant changes."""
        session, grant, actor = self._session, affected.grant, self._principal.actor
        answer = {
            Action.ACCEPT: Answer.ACCEPTED,
            Action.OBJECT: Answer.OBJECTED,
            Action.FILE: Answer.FILED,
        }[action]
        await store.put(
            session, announced, grant.id, now,
            answer=answer, reason=reason, answered_by=self._principal.id, **more,
        )  # fmt: skip
        facts = {"resource_id": announced.resource_id, "version": announced.version, **more}
        facts |= {} if reason is None else {"reason": reason}
        step = (grant.status, grant.status)
        subscriptions.add_history(session, grant.id, action, step, actor, now, facts)
        audit.record(session, actor, EVENTS[action], "subscription", grant.id, **facts)
        parties = {
            "consumer_department": grant.consumer_department,
            "provider_department": announced.department,
        }
        outbox.add(session, EVENTS[action], grant.id, {"id": grant.id, **facts, **parties})


def require_come(announced: Announced, now: datetime) -> None:
    """Raise Conflict before the effective day: until then the consumer may still answer."""
    if not has_come(announced.effective_on, now):
        raise Conflict(
            f"生效日期 {announced.effective_on} 未到，需求部门仍可答复，届时方可备案",
            f"Before {announced.effective_on} the consumer may still answer; file from that day",
            effective_on=str(announced.effective_on),
        )
