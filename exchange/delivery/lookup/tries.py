"""Takes tries of verifying from their budgets and into the audit, in one transaction (P8).

The answer is known before and told after: what is refused here has told nothing.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from auth.principal import Principal
from exchange.delivery.lookup import budget_store, budgets
from exchange.delivery.lookup.budget_store import Subject
from exchange.delivery.lookup.budgets import ALARMS_MAX, Budgets, Verdict, Window
from exchange.events import ExchangeEvent
from exchange.subscriptions import supervision
from kernel import audit, clock
from kernel.database import Database, WriteSession
from kernel.group_commit import GroupCommit
from kernel.workdays import local_date

log = logging.getLogger(__name__)

TOGETHER: Final = 100


@dataclass(frozen=True, slots=True)
class Try:
    """One try; `subject` and `reference` are keyed hashes."""

    principal: Principal
    subscription_id: str
    subject: bytes
    match: bool
    matter: str
    reference: bytes

    @property
    def of(self) -> Subject:
        return self.subscription_id, self.subject

    def facts(self) -> dict[str, Any]:
        """Return what the audit keeps."""
        return {
            "matter": self.matter,
            "reference": self.reference.hex(),
            "subject": self.subject.hex(),
            "match": self.match,
        }


class Tries:
    """One worker's; tries that come at the same time share a transaction."""

    def __init__(self, database: Database, limits: Budgets) -> None:
        self._database = database
        self._limits = limits
        self._taking: GroupCommit[Try, Verdict] = GroupCommit(
            self._take, most=TOGETHER, keeps_left=True
        )

    async def take(self, wanted: Try) -> Verdict:
        """Return what becomes of a try; whoever leaves has tried all the same."""
        return await self._taking.submit(wanted)

    async def close(self) -> None:
        await self._taking.close()

    async def _take(self, wanted: Sequence[Try]) -> Sequence[Verdict]:
        day = local_date(clock.now())
        subscriptions = {each.subscription_id for each in wanted}
        while (verdicts := await self._decided(wanted, subscriptions, day)) is None:
            async with self._database.single() as connection:
                await budget_store.open_windows(connection, subscriptions, day)
        return verdicts

    async def _decided(
        self, wanted: Sequence[Try], subscriptions: Collection[str], day: date
    ) -> Sequence[Verdict] | None:
        """Return the verdicts and write them down; None where a window was never opened."""
        async with self._database.transaction() as session:
            windows = await budget_store.hold(session, subscriptions, day)
            if len(windows) < len(subscriptions):
                return None
            tried = await budget_store.tries(session, {each.of for each in wanted}, day)
            verdicts = [self._decide(each, windows, tried) for each in wanted]
            await budget_store.save(session, windows, tried, day)
            pairs = list(zip(wanted, verdicts, strict=True))
            _record(session, pairs)
            await _alarm(session, pairs, windows)
        return verdicts

    def _decide(
        self, wanted: Try, windows: dict[str, Window], tried: dict[Subject, int]
    ) -> Verdict:
        count = tried.get(wanted.of, 0)
        window = windows[wanted.subscription_id]
        verdict, after = budgets.decide(window, count, self._limits, mismatch=not wanted.match)
        windows[wanted.subscription_id] = after
        if verdict is Verdict.ANSWERED:
            tried[wanted.of] = count + 1
        return verdict


def _record(session: WriteSession, pairs: Iterable[tuple[Try, Verdict]]) -> None:
    """Write down what was answered: one event for a subscription and what came together."""
    answered: dict[str, list[Try]] = {}
    for each, verdict in pairs:
        if verdict is Verdict.ANSWERED:
            answered.setdefault(each.subscription_id, []).append(each)
    for subscription_id, tries in answered.items():
        facts = {"tries": [each.facts() for each in tries]}
        actor, event = tries[0].principal.actor, ExchangeEvent.VERIFY_ANSWERED
        audit.record(session, actor, event, "subscription", subscription_id, **facts)


async def _alarm(
    session: WriteSession, pairs: Iterable[tuple[Try, Verdict]], windows: Mapping[str, Window]
) -> None:
    """Tell of guessing; the last alarm of a day suspends."""
    for each, verdict in pairs:
        if verdict is not Verdict.GUESSING:
            continue
        subscription_id = each.subscription_id
        alarms = windows[subscription_id].alarms
        log.error("subscription %s seems to guess values: alarm %d", subscription_id, alarms)
        actor, event = each.principal.actor, ExchangeEvent.GUESSING_SUSPECTED
        audit.record(session, actor, event, "subscription", subscription_id, alarms=alarms)
        if alarms >= ALARMS_MAX:
            await supervision.suspend_guessing(session, subscription_id, now=clock.now())
