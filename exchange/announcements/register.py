"""An announced version and what each affected subscription has said to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from auth.principal import Principal
from catalog import revisions, versions
from catalog.revisions import Announced
from catalog.visibility import Shown, is_insider
from exchange.announcements import states, store
from exchange.announcements.states import Answer
from exchange.announcements.tables import VersionAnswer
from exchange.disputes import store as disputes
from exchange.disputes.states import PENDING, Decision
from exchange.disputes.states import State as DisputeState
from exchange.disputes.tables import Dispute
from exchange.stewardship import impact
from exchange.stewardship.impact import Affected
from exchange.stewardship.version_effects import Effect, worst
from exchange.subscriptions.register import status_at
from exchange.subscriptions.states import LIVE
from exchange.subscriptions.tables import Subscription
from kernel.database import ReadSession
from kernel.errors import Invalid, NotFound
from kernel.turns import FairScheduler
from kernel.workdays import local_date


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one affected subscription stands with the announced version."""

    affected: Affected
    answer: Answer
    reason: str | None = None
    dispute: Dispute | None = None

    @property
    def decision(self) -> Decision | None:
        """The decision on its objection, None while there is none, or one under appeal."""
        dispute = self.dispute
        if dispute is None or dispute.status in PENDING:
            return None
        decision = dispute.final_decision or dispute.decision
        return None if decision is None else Decision(decision)

    @property
    def is_settled(self) -> bool:
        """Whether both departments have agreed how to go on, or the objection was dismissed."""
        closed = self.dispute is not None and self.dispute.status == DisputeState.CLOSED
        agreed = closed and self.decision is None
        return agreed or self.decision is Decision.DISMISSED

    def lets_publish(self, *, has_come: bool) -> bool:
        return states.lets_publish(self.answer, is_settled=self.is_settled, has_come=has_come)


@dataclass(frozen=True, slots=True)
class AnnouncedVersion:
    """An announcement with the affected subscriptions that the reader may know of."""

    announced: Announced
    standings: Sequence[Standing]

    @property
    def verdict(self) -> Effect:
        return worst(each.affected.outcome.effect for each in self.standings)


async def find(
    session: ReadSession,
    principal: Principal,
    resource_id: str,
    turns: FairScheduler,
    *,
    now: datetime,
) -> AnnouncedVersion:
    """Return what is announced: to insiders whole, to others with their own subscriptions.

    Raises NotFound where nothing is.
    """
    shown = await versions.shown(session, principal, resource_id)
    announced = await revisions.announced(session, shown.resource.id)
    if announced is None:
        raise NotFound
    standings = await of_version(session, shown, announced, turns, now=now)
    if not is_insider(principal, shown.resource):
        own = principal.department
        standings = [s for s in standings if s.affected.grant.consumer_department == own]
    return AnnouncedVersion(announced, standings)


async def of_subscription(
    session: ReadSession, row: Subscription, *, now: datetime
) -> tuple[Announced, Standing] | None:
    """Return what is announced to one subscription, None where nothing touches it."""
    announced = await revisions.announced(session, row.resource_id)
    if announced is None or status_at(row, now) not in LIVE:
        return None
    try:
        affected = await impact.of_grant(session, row, now=now)
    except Invalid:
        # A code list has lost its edition since: the version cannot be published either.
        return None
    if affected.outcome.effect is Effect.NONE:
        return None
    answer = await store.answer(session, announced, row.id)
    opened = await _opened(session, [] if answer is None else [answer])
    return announced, _standing(affected, answer, opened)


async def of_version(
    session: ReadSession,
    shown: Shown,
    announced: Announced | None,
    turns: FairScheduler,
    *,
    now: datetime,
) -> Sequence[Standing]:
    """Return where every affected subscription stands; all unanswered before an announcement."""
    affected = (await impact.of_entry(session, shown, turns, now=now)).affected
    if announced is None or not affected:
        return [Standing(each, Answer.UNANSWERED) for each in affected]
    answers = await store.answers(session, announced)
    opened = await _opened(session, answers.values())
    return [_standing(each, answers.get(each.grant.id), opened) for each in affected]


async def _opened(session: ReadSession, answers: Iterable[VersionAnswer]) -> Mapping[str, Dispute]:
    named = {row.dispute_id for row in answers if row.dispute_id is not None}
    return await disputes.several(session, named) if named else {}


def _standing(
    affected: Affected, row: VersionAnswer | None, opened: Mapping[str, Dispute]
) -> Standing:
    if row is None:
        return Standing(affected, Answer.UNANSWERED)
    dispute = None if row.dispute_id is None else opened.get(row.dispute_id)
    return Standing(affected, Answer(row.answer), row.reason, dispute)


def has_come(day: date, now: datetime) -> bool:
    return local_date(now) >= day


def is_open(dispute: Dispute | None) -> bool:
    """Whether an objection still waits for its decision."""
    return dispute is not None and DisputeState(dispute.status) in PENDING
