"""What the newest version of an entry would do to the running subscriptions of its resource."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from auth.principal import Principal
from catalog import revisions
from catalog.contracts.published import Revision
from catalog.visibility import Shown
from exchange.delivery.grant_plans import terms_of
from exchange.delivery.projection.projection import Projection
from exchange.log.reader import Reader
from exchange.log.topics import topic_of
from exchange.stewardship.samples import Sample, failing, newest, visible
from exchange.stewardship.version_effects import SEVERITY, Effect, Effects, Outcome, worst
from exchange.subscriptions import grants
from exchange.subscriptions.grants import Grant
from exchange.subscriptions.tables import Subscription
from kernel.database import Database, ReadSession
from kernel.turns import FairScheduler, Steps
from kernel.workdays import local_date


@dataclass(frozen=True, slots=True)
class Affected:
    """One running subscription and what the version does to it."""

    grant: Grant
    outcome: Outcome
    samples: int = 0
    samples_failed: int = 0


@dataclass(frozen=True, slots=True)
class Impact:
    """`version` against `in_force`, None where nothing is; all running subscriptions, by id."""

    resource_id: str
    version: int
    in_force: int | None
    subscriptions: Sequence[Affected]

    @property
    def verdict(self) -> Effect:
        return worst(each.outcome.effect for each in self.subscriptions)

    @property
    def worst_first(self) -> Sequence[Affected]:
        def severity(each: Affected) -> int:
            return SEVERITY.index(each.outcome.effect)

        return sorted(self.subscriptions, key=severity, reverse=True)

    @property
    def affected(self) -> Sequence[Affected]:
        return [each for each in self.subscriptions if each.outcome.effect is not Effect.NONE]


async def of_entry(
    session: ReadSession, shown: Shown, turns: FairScheduler, *, now: datetime
) -> Impact:
    """Return the effects on each running subscription, without trying records."""
    resource = shown.resource
    running = await grants.running(session, resource.id, now)
    if not running:
        return Impact(resource.id, resource.version, resource.published_version, [])
    revision = await revisions.revision(session, shown, on=local_date(now))
    return await turns.finish(_comparing(revision, running))


def _comparing(revision: Revision, running: Sequence[Grant]) -> Steps[Impact]:
    effects, found = Effects(revision), list[Affected]()
    for grant in running:
        found.append(Affected(grant, _outcome(effects, revision, grant)))
        # A grant of three hundred items takes some milliseconds.
        yield
    in_force = None if revision.before is None else revision.before.number
    return Impact(revision.resource_id, revision.after.number, in_force, found)


def _outcome(effects: Effects, revision: Revision, grant: Grant) -> Outcome:
    in_force = 0 if revision.before is None else revision.before.number
    return effects.on(terms_of(grant, revision.known, in_force, b""))


async def of_grant(session: ReadSession, row: Subscription, *, now: datetime) -> Affected:
    """Return the effect on one subscription."""
    revision = await revisions.of_resource(session, row.resource_id, on=local_date(now))
    grant = grants.grant_of(row)
    return Affected(grant, _outcome(Effects(revision), revision, grant))


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
    impact = await turns.finish(_comparing(revision, running))
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
    every, counted = frozenset(range(len(samples))), list[Affected]()
    for each in impact.subscriptions:
        rows = every
        if each.grant.row_filter:
            rows = yield from _rows(each.grant, revision, samples, rows_of)
        counts = len(rows), len(rows.intersection(failed))
        counted.append(Affected(each.grant, each.outcome, *counts))
        yield
    return Impact(impact.resource_id, impact.version, impact.in_force, counted)


def _rows(
    grant: Grant,
    revision: Revision,
    samples: Sequence[Sample],
    rows_of: dict[bytes, frozenset[int]],
) -> Steps[frozenset[int]]:
    in_force = 0 if revision.before is None else revision.before.number
    projection = Projection(terms_of(grant, revision.known, in_force, b""))
    name = projection.filter_identity
    if name not in rows_of:
        rows_of[name] = yield from visible(samples, projection)
    return rows_of[name]
