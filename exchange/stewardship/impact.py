"""What the newest version of an entry would do to the running subscriptions of its resource."""

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from auth.principal import Principal
from catalog import revisions
from catalog.contracts.published import Revision
from catalog.visibility import Shown
from exchange.delivery.grant_plans import terms_of
from exchange.delivery.projection.projection import Projection
from exchange.delivery.projection.views import Terms
from exchange.log.reader import Reader
from exchange.log.topics import topic_of
from exchange.stewardship.samples import Sample, failing, newest, visible
from exchange.stewardship.version_effects import SEVERITY, Effect, Effects, Outcome, worst
from exchange.subscriptions import grants
from exchange.subscriptions.grants import Agreed, AgreedAlike, GrantHead
from exchange.subscriptions.tables import Subscription
from kernel.database import Database, ReadSession
from kernel.turns import FairScheduler, Steps
from kernel.workdays import local_date


class Affected(NamedTuple):
    """One running subscription and what the version does to it."""

    grant: GrantHead
    outcome: Outcome
    samples: int = 0
    samples_failed: int = 0


@dataclass(frozen=True, slots=True)
class AffectedAlike:
    """Running subscriptions that agree in their terms: the version does the same to each."""

    agreed: Agreed
    grants: Sequence[GrantHead]
    outcome: Outcome
    samples: int = 0
    samples_failed: int = 0

    @property
    def each(self) -> Iterator[Affected]:
        counts = self.samples, self.samples_failed
        return (Affected(grant, self.outcome, *counts) for grant in self.grants)


@dataclass(frozen=True, slots=True)
class Impact:
    """`version` against `in_force`, None where nothing is; on all running subscriptions."""

    resource_id: str
    version: int
    in_force: int | None
    alike: Sequence[AffectedAlike]

    @property
    def verdict(self) -> Effect:
        return worst(each.outcome.effect for each in self.alike)

    @property
    def count(self) -> int:
        return sum(len(each.grants) for each in self.alike)

    @property
    def subscriptions(self) -> Sequence[Affected]:
        """All of them, by id."""
        return [*_by_id(self.alike)]

    @property
    def worst_first(self) -> Iterator[Affected]:
        """All of them, by id where the effect is the same."""
        for effect in reversed(SEVERITY):
            yield from _by_id(each for each in self.alike if each.outcome.effect is effect)

    @property
    def affected(self) -> Sequence[Affected]:
        touched = (each for each in self.alike if each.outcome.effect is not Effect.NONE)
        return [*_by_id(touched)]


def _by_id(alike: Iterable[AffectedAlike]) -> Iterator[Affected]:
    """Merge what is by id; who wants the first of ten thousand pays for these alone."""
    return heapq.merge(*(each.each for each in alike), key=lambda one: one.grant.id)


async def of_entry(
    session: ReadSession, shown: Shown, turns: FairScheduler, *, now: datetime
) -> Impact:
    """Return the effects on each running subscription, without trying records."""
    resource = shown.resource
    running = await grants.running(session, resource.id, now)
    if not running:
        return Impact(resource.id, resource.version, resource.published_version, [])
    revision = await revisions.revision(session, shown, on=local_date(now))
    return await turns.finish(comparing(revision, running))


def comparing(revision: Revision, running: Sequence[AgreedAlike]) -> Steps[Impact]:
    """Reckon what a revision does to running grants, once for those of equal terms; pure."""
    effects, found = Effects(revision), list[AffectedAlike]()
    for agreed, alike in running:
        found.append(AffectedAlike(agreed, alike, _outcome(effects, revision, agreed)))
        # Terms of three hundred items take some milliseconds.
        yield
    in_force = None if revision.before is None else revision.before.number
    return Impact(revision.resource_id, revision.after.number, in_force, found)


def _outcome(effects: Effects, revision: Revision, agreed: Agreed) -> Outcome:
    return effects.on(_terms(revision, agreed))


def _terms(revision: Revision, agreed: Agreed) -> Terms:
    in_force = 0 if revision.before is None else revision.before.number
    return terms_of(agreed, revision.known, in_force, b"")


async def of_grant(session: ReadSession, row: Subscription, *, now: datetime) -> Affected:
    """Return the effect on one subscription."""
    revision = await revisions.of_resource(session, row.resource_id, on=local_date(now))
    outcome = _outcome(Effects(revision), revision, grants.agreed_of(row))
    return Affected(grants.head_of(row), outcome)


async def tried(
    database: Database, reader: Reader, principal: Principal, resource_id: str, *, now: datetime
) -> Impact:
    """Return the impact with the newest records tried; no session is held while they are read.

    Raises NotFound, 403 errors, Invalid where the draft cannot be compiled, BrokerUnavailable.
    """
    turns = reader.turns
    async with database.reading() as session:
        shown = await revisions.asked(session, principal, resource_id)
        revision = await revisions.revision(session, shown, on=local_date(now))
        running = await grants.running(session, resource_id, now)
    impact = await turns.finish(comparing(revision, running))
    if revision.before is None or not running:
        return impact
    samples = await newest(reader, topic_of(resource_id), revision.partitions)
    failed = await turns.finish(failing(samples, revision.after.contract))
    return await turns.finish(_counting(impact, revision, samples, failed))


def _counting(
    impact: Impact, revision: Revision, samples: Sequence[Sample], failed: Collection[int]
) -> Steps[Impact]:
    """Count for each subscription the samples that are its rows, and those that would fail."""
    rows_of: dict[bytes, frozenset[int]] = {}
    every, counted = frozenset(range(len(samples))), list[AffectedAlike]()
    for each in impact.alike:
        rows = every
        if each.agreed.row_filter:
            rows = yield from _rows(each.agreed, revision, samples, rows_of)
        counts = len(rows), len(rows.intersection(failed))
        counted.append(AffectedAlike(each.agreed, each.grants, each.outcome, *counts))
        yield
    return Impact(impact.resource_id, impact.version, impact.in_force, counted)


def _rows(
    agreed: Agreed,
    revision: Revision,
    samples: Sequence[Sample],
    rows_of: dict[bytes, frozenset[int]],
) -> Steps[frozenset[int]]:
    projection = Projection(_terms(revision, agreed))
    name = projection.filter_identity
    if name not in rows_of:
        rows_of[name] = yield from visible(samples, projection)
    return rows_of[name]
