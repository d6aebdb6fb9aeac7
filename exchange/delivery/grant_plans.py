"""Plans of delivery: a grant with its compiled projection, dropped when a rule changes (P3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from catalog import versions
from catalog.contracts.published import RecordVersion
from catalog.entries import ShareType
from catalog.rules.crosswalks import Crosswalk
from exchange.delivery import correction_marks
from exchange.delivery.correction_marks import MARK_BYTES, NONE, Marks
from exchange.delivery.crosswalks import Crosswalks
from exchange.delivery.projection.projection import COMPILED_MAX, Projection
from exchange.delivery.projection.views import NO_CROSSWALKS, Terms
from exchange.log.topics import topic_of
from exchange.recalls import store as recalls
from exchange.recalls.store import Standing
from exchange.subscriptions import grants
from exchange.subscriptions.grants import Agreed, Grant
from exchange.subscriptions.states import State
from kernel.cache import RuleCache
from kernel.database import Database
from kernel.errors import NotFound
from kernel.group_commit import GroupCommit
from kernel.secretbox import Secretbox
from kernel.turns import FairScheduler

PLANS_MAX, TERMS_MAX = 20_000, 10_000
# What they hold, about: versions of wide resources, and what is compiled of them for each grant.
PLANS_BYTES_MAX, TERMS_BYTES_MAX = 256 * 1024 * 1024, 64 * 1024 * 1024
ITEM_BYTES, COMPILED_ITEM_BYTES, PLAN_BYTES = 400, 1_000, 4_000
NO_RECALL: Final = Standing()
# Grants that are missed at the same time are read together.
GRANTS_TOGETHER = 200


@dataclass(frozen=True, slots=True)
class GrantPlan:
    """`versions` are those that the projection can read, `version` the published one.

    `marks` name the corrections that lines carry; few subscriptions have any, nor a `recall`.
    """

    grant: Grant
    topic: str
    partitions: int
    projection: Projection
    versions: frozenset[int]
    version: int
    marks: Marks = field(default_factory=dict)
    recall: Standing = NO_RECALL


class Loaded(NamedTuple):
    """A subscription as it stands in the database."""

    grant: Grant
    marks: Marks
    recall: Standing


@dataclass(frozen=True, slots=True)
class ResourceTerms:
    """What all grants of a resource share; `version` is in force."""

    version: int
    partitions: int
    shared: bool
    versions: Mapping[int, RecordVersion]


class GrantPlans:
    def __init__(
        self, database: Database, box: Secretbox, turns: FairScheduler | None = None
    ) -> None:
        self._database = database
        self._box = box
        self._crosswalks = Crosswalks(database, turns or FairScheduler())
        self._by_resource: dict[str, set[str]] = {}
        # Those that hand codes on in an edition of the consumer's.
        self._translated: set[str] = set()
        self._terms: RuleCache[ResourceTerms] = RuleCache(
            self._load_terms,
            size=TERMS_MAX,
            parts=lambda terms: _version_parts(terms.versions),
            most_bytes=TERMS_BYTES_MAX,
        )
        self._grants: GroupCommit[str, Loaded | None] = GroupCommit(
            self._load_grants, most=GRANTS_TOGETHER
        )
        self._cache: RuleCache[GrantPlan] = RuleCache(
            self._load,
            size=PLANS_MAX,
            at_once=2 * GRANTS_TOGETHER,
            on_gone=self._gone,
            parts=plan_parts,
            most_bytes=PLANS_BYTES_MAX,
        )

    def clear(self) -> None:
        self._terms.clear()
        self._cache.clear()

    async def get(self, subscription_id: str) -> GrantPlan:
        """Raise NotFound when there is no such subscription."""
        return self._cache.known(subscription_id) or await self._cache.get(subscription_id)

    async def of(self, subscription_id: str, client_id: str) -> GrantPlan:
        """Return the plan of a client's own subscription.

        Raises NotFound for another's as for none, after the same work: how long the refusal takes
        says nothing either.
        """
        plan = self._cache.known(subscription_id)
        if plan is None or plan.grant.client_id != client_id:
            loaded = await self._grants.submit(subscription_id)
            if loaded is None or loaded.grant.client_id != client_id:
                raise NotFound
            plan = await self._cache.get(subscription_id)
        return plan

    def is_current(self, plan: GrantPlan) -> bool:
        """Whether no rule of the plan has changed since it was loaded."""
        return self._cache.known(plan.grant.id) is plan

    def drop(self, subscription_id: str) -> None:
        self._cache.drop(subscription_id)

    def drop_resource(self, resource_id: str) -> None:
        self._terms.drop(resource_id)
        for subscription_id in self._by_resource.pop(resource_id, set()):
            self._cache.drop(subscription_id)

    def drop_translated(self) -> None:
        """Drop the plans that read codes in an edition: one was added or withdrawn."""
        for subscription_id in tuple(self._translated):
            self._cache.drop(subscription_id)
        self._translated.clear()

    def _gone(self, subscription_id: str, plan: GrantPlan) -> None:
        """Forget what is known of a plan, lest tables grow without the plans."""
        self._translated.discard(subscription_id)
        subscriptions = self._by_resource.get(plan.grant.resource_id)
        if subscriptions is not None:
            subscriptions.discard(subscription_id)
            if not subscriptions:
                del self._by_resource[plan.grant.resource_id]

    async def _load(self, subscription_id: str) -> GrantPlan:
        loaded = await self._grants.submit(subscription_id)
        if loaded is None:
            raise NotFound
        grant = loaded.grant
        # From here on a change of the resource drops this plan too, and its terms are newer.
        self._by_resource.setdefault(grant.resource_id, set()).add(subscription_id)
        if grant.editions:
            self._translated.add(subscription_id)
        terms = self._terms.known(grant.resource_id) or await self._terms.get(grant.resource_id)
        if not terms.shared and grant.status is State.ACTIVE:
            # Whatever became of its subscriptions: an entry that is not shared lets nothing leave.
            grant = replace(grant, status=State.SUSPENDED)
        crosswalks = await self._crosswalks.of(grant) if grant.editions else NO_CROSSWALKS
        hash_key = self._box.derive(f"subscription:{subscription_id}")
        return GrantPlan(
            grant,
            topic_of(grant.resource_id),
            terms.partitions,
            Projection(terms_of(grant, terms.versions, terms.version, hash_key, crosswalks)),
            frozenset(terms.versions),
            terms.version,
            loaded.marks,
            loaded.recall,
        )

    async def _load_grants(self, subscription_ids: Sequence[str]) -> Sequence[Loaded | None]:
        wanted = list(dict.fromkeys(subscription_ids))
        async with self._database.reading() as session:
            rows = await grants.load_several(session, wanted)
            marks = await correction_marks.load(session, wanted)
            lists = await recalls.standing(session, wanted)
        return [
            Loaded(rows[id_], marks.get(id_, NONE), lists.get(id_, NO_RECALL))
            if id_ in rows
            else None
            for id_ in subscription_ids
        ]

    async def _load_terms(self, resource_id: str) -> ResourceTerms:
        async with self._database.reading() as session:
            published = await versions.contract_of(session, resource_id, None)
            record_versions = await versions.record_versions(session, [resource_id])
        shared = published.share_type != ShareType.NONE
        return ResourceTerms(
            published.version, published.partitions, shared, record_versions[resource_id]
        )


def plan_parts(plan: GrantPlan) -> dict[int, int]:
    """Return the bytes of what a plan holds, by identity: grants of a resource share its versions.

    What is compiled is reckoned for as many versions as a projection keeps.
    """
    items = len(plan.grant.items) + len(plan.grant.row_filter)
    compiled = items * COMPILED_ITEM_BYTES * min(len(plan.versions), COMPILED_MAX)
    own = PLAN_BYTES + compiled + MARK_BYTES * len(plan.marks)
    return {**_version_parts(plan.projection.known), id(plan): own}


def _version_parts(record_versions: Mapping[int, RecordVersion]) -> dict[int, int]:
    return {
        id(version): ITEM_BYTES * (1 + len(version.items)) for version in record_versions.values()
    }


def terms_of(
    agreed: Agreed,
    known: Mapping[int, RecordVersion],
    in_force: int,
    hash_key: bytes,
    crosswalks: Mapping[str, Crosswalk] = NO_CROSSWALKS,
) -> Terms:
    """Return what the projection of a grant is made of."""
    return Terms(
        items=agreed.items,
        elements=agreed.elements,
        masks=agreed.masks,
        unmasked=agreed.unmasked,
        conditions=agreed.row_filter,
        agreed=agreed.resource_version,
        versions=known,
        in_force=in_force,
        hash_key=hash_key,
        crosswalks=crosswalks,
    )
