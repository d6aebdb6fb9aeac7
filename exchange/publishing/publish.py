"""Publish: a department's records into the log of its resource (P2, P4, P5)."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from auth.principal import Principal, Scope
from catalog import versions
from catalog.contracts.compile import Checked, Plan, compiling
from catalog.contracts.stored import refuse_too_large
from catalog.errors import ResourceNotPublished, SourceLost, VersionSuperseded
from exchange.log.accepted import Accepted, Kept
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from exchange.log.headers import BatchFacts
from exchange.log.partitions import partition_of
from exchange.log.produce import Slice
from exchange.log.topics import topic_of
from exchange.metering.counts import Counts
from exchange.publishing import receipts
from exchange.publishing.errors import RecordsInvalid
from exchange.publishing.lanes import Lanes, Writer
from exchange.publishing.ledger import Keyed, Layout, Ledger
from exchange.publishing.quarantine import Quarantine
from exchange.publishing.receipts import Receipt
from exchange.publishing.recovery import DELETE, UPSERT, content_digest
from kernel import leaving
from kernel.cache import RuleCache
from kernel.clock import now, today
from kernel.database import Database, ReadSession
from kernel.errors import BatchTooLarge, NotFound, ShuyuanError
from kernel.terms import last_day
from kernel.turns import FairScheduler, Steps, finished

PLANS_MAX, PLANS_BYTES_MAX = 5_000, 512 * 1024 * 1024
INTENT_BYTES = 16
# About 0.3 ms.
DIGESTED_AT_ONCE = 512 * 1024


class Op(StrEnum):
    UPSERT = UPSERT
    DELETE = DELETE


class OnInvalid(StrEnum):
    """What becomes of a batch with an invalid record: nothing is stored, or the others are."""

    REJECT = "reject"
    QUARANTINE = "quarantine"


class Media(StrEnum):
    NDJSON = "application/x-ndjson"
    JSON = "application/json"


class PublishRequest(msgspec.Struct, frozen=True, gc=False):
    """One publish as it was asked for; `version` None means the published one.

    `replacement` is the full replacement that it is loaded for.
    """

    body: bytes
    media: Media
    op: Op
    on_invalid: OnInvalid
    version: int | None
    idempotency_key: str | None
    correlation_id: str
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class ResourcePlan:
    """Everything a publish needs to know about its resource."""

    resource_id: str
    department: str
    version: int
    layout: Layout
    plan: Plan
    # When its department stops being let publish, having lost its source.
    closed_from: datetime | None = None

    def require_source(self) -> None:
        """Raise SourceLost once the term after a lost source is over."""
        if self.closed_from is not None and now() >= self.closed_from:
            raise SourceLost(due_on=last_day(self.closed_from).isoformat())


class Published(msgspec.Struct, frozen=True, gc=False):
    receipt: Receipt
    replayed: bool


class Publisher:
    def __init__(
        self,
        database: Database,
        lanes: Lanes,
        ledger: Ledger,
        quarantine: Quarantine,
        counts: Counts,
        turns: FairScheduler,
    ) -> None:
        self._database = database
        self._lanes = lanes
        self._ledger = ledger
        self._quarantine = quarantine
        self._counts = counts
        self._turns = turns
        self.plans: RuleCache[ResourcePlan] = RuleCache(
            self._load_plan,
            size=PLANS_MAX,
            parts=lambda plan: plan.plan.parts(),
            most_bytes=PLANS_BYTES_MAX,
        )

    @property
    def receipt_key(self) -> bytes:
        return self._quarantine.receipt_key

    async def publish(
        self, principal: Principal, resource_id: str, request: PublishRequest
    ) -> Published:
        """Store the records, all of them or nothing, and return their receipt.

        With `on_invalid` quarantine the valid records are all of them. Raises 403 errors, NotFound,
        RecordsInvalid and the other 422 errors, BatchTooLarge, IdempotencyKeyReused,
        BrokerUnavailable, OutcomeUnknown.
        """
        principal.require_scope(Scope.RECORDS_PUBLISH)
        plan = self.plans.known(resource_id) or await self._plan(principal, resource_id)
        principal.require_department(plan.department)
        digest = await self._digest(principal, request.body)
        keyed = _keyed(principal, resource_id, request, digest)
        try:
            checked = await self._checked(principal, plan, request)
        except ShuyuanError:
            # The first try may have been valid: a stricter version may have come since.
            if keyed and (accepted := await self._ledger.settled(keyed, plan.layout)):
                return await self._published(principal, plan, accepted, digest, replayed=True)
            raise
        writer = await self._lanes.writer(spanning=plan.layout.partitions > 1)
        leaving.begin()
        with writer:
            if keyed and (accepted := await self._ledger.claim(keyed, writer.life, plan.layout)):
                return await self._published(principal, plan, accepted, digest, replayed=True)
            intent = keyed.intent if keyed else None
            facts = BatchFacts(
                plan.version,
                len(checked.keys),
                digest,
                principal.id,
                request.correlation_id,
                intent,
            )
            try:
                if checked.rejected:
                    accepted = await self._store_valid(
                        principal, writer, plan, request, checked, facts
                    )
                else:
                    accepted = await self._store(writer, plan, request, checked, facts)
            finally:
                if intent is not None:
                    self._ledger.leave(intent, writer.life)
        self._counts.published(principal, plan.resource_id, len(request.body), accepted, digest)
        return await self._published(principal, plan, accepted, digest, replayed=False)

    async def _digest(self, principal: Principal, body: bytes) -> bytes:
        if len(body) <= DIGESTED_AT_ONCE:
            return hashlib.sha256(body).digest()
        return await self._turns.finish(digesting(body), principal.id)

    async def _checked(
        self, principal: Principal, plan: ResourcePlan, request: PublishRequest
    ) -> Checked:
        """Check a small body at once and a large one in turns with the others (P9)."""
        steps = check(plan, request)
        at_once = plan.plan.at_once(request.body, deletes=request.op is Op.DELETE)
        return finished(steps) if at_once else await self._turns.finish(steps, principal.id)

    async def _store_valid(
        self,
        principal: Principal,
        writer: Writer,
        plan: ResourcePlan,
        request: PublishRequest,
        checked: Checked,
        facts: BatchFacts,
    ) -> Accepted:
        """Hold the invalid records, store the others; shown with the receipt (ADR 0014)."""
        intent = facts.intent
        try:
            quarantined = await self._quarantine.hold(
                principal, plan.resource_id, request.op, checked, keyed=intent is not None
            )
            if not checked.keys:
                return await self._settle_alone(
                    writer, Accepted(plan.version, [], quarantined), intent
                )
        except Exception:
            if intent is not None:
                self._ledger.withdraw(intent, writer.life)
            raise
        try:
            marked = msgspec.structs.replace(facts, quarantine=quarantined.text())
            return await self._store(writer, plan, request, checked, marked, quarantined)
        except (BrokerUnavailable, BatchTooLarge):
            await self._quarantine.withdraw(quarantined)
            raise

    async def _settle_alone(
        self, writer: Writer, accepted: Accepted, intent: bytes | None
    ) -> Accepted:
        """Settle a publish without any valid record: there is no append to tell of it."""
        if intent is None:
            return accepted
        try:
            await self._ledger.decide(intent, writer.life, accepted)
        except OutcomeUnknown:
            if accepted.kept is not None:
                await self._quarantine.withdraw(accepted.kept)
            raise
        return accepted

    async def _store(
        self,
        writer: Writer,
        plan: ResourcePlan,
        request: PublishRequest,
        checked: Checked,
        facts: BatchFacts,
        quarantined: Kept | None = None,
    ) -> Accepted:
        """Append, and keep the ledger true to what came of it."""
        layout = plan.layout
        slices = split(checked, layout.partitions, facts, delete=request.op is Op.DELETE)
        try:
            positions = await self._lanes.append(writer, layout.topic, slices, len(request.body))
        except (BrokerUnavailable, BatchTooLarge):
            if facts.intent is not None:
                self._ledger.withdraw(facts.intent, writer.life)
            raise
        accepted = Accepted(plan.version, positions, quarantined)
        self._ledger.reached(layout, positions)
        if facts.intent is not None:
            self._ledger.keep(facts.intent, accepted)
        return accepted

    async def _published(
        self,
        principal: Principal,
        plan: ResourcePlan,
        accepted: Accepted,
        digest: bytes,
        *,
        replayed: bool,
    ) -> Published:
        """Return the receipt, with the errors of what went into quarantine."""
        receipt = receipts.issue(
            self.receipt_key, resource_id=plan.resource_id, accepted=accepted, digest=digest
        )
        if accepted.kept is not None:
            receipt = await self._quarantine.shown(principal, receipt, accepted.kept)
        return Published(receipt, replayed)

    async def require(self, principal: Principal, resource_id: str) -> None:
        """Raise NotFound or NotYourDepartment before a body is read, and before it is blamed.

        The state of the resource comes after parameters, media and size: `publish` asks for it.
        """
        try:
            plan = self.plans.known(resource_id) or await self._plan(principal, resource_id)
        except ResourceNotPublished:
            return
        principal.require_department(plan.department)

    async def _plan(self, principal: Principal, resource_id: str) -> ResourcePlan:
        """Load the plan; to outsiders what is not published is not there."""
        try:
            return await self.plans.get(resource_id)
        except ResourceNotPublished:
            async with self._database.reading() as session:
                owner = await versions.department_of(session, resource_id)
            if owner != principal.department:
                raise NotFound from None
            raise

    async def receipt(self, session: ReadSession, principal: Principal, receipt_id: str) -> Receipt:
        """Return what a receipt id proves, to the department of its resource; NotFound."""
        receipt, quarantined = receipts.opened(self.receipt_key, receipt_id)
        if await versions.department_of(session, receipt.resource_id) != principal.department:
            raise NotFound
        return (
            receipt
            if quarantined is None
            else await self._quarantine.with_errors(session, receipt, quarantined)
        )

    async def _load_plan(self, resource_id: str) -> ResourcePlan:
        async with self._database.reading() as session:
            published = await versions.contract_of(session, resource_id, None)
        return ResourcePlan(
            resource_id,
            published.department,
            published.version,
            Layout(topic_of(resource_id), published.partitions),
            await self._turns.finish(compiling(published.contract, today)),
            published.closed_from,
        )


_CHECKS: Mapping[tuple[Op, Media], Callable[[Plan, bytes], Steps[Checked]]] = {
    (Op.UPSERT, Media.NDJSON): Plan.ndjson,
    (Op.UPSERT, Media.JSON): Plan.json,
    (Op.DELETE, Media.NDJSON): Plan.keys_ndjson,
    (Op.DELETE, Media.JSON): Plan.keys_json,
}


def digesting(body: bytes) -> Steps[bytes]:
    """The SHA-256 of a large body."""
    digest, whole = hashlib.sha256(), memoryview(body)
    for start in range(0, len(body), DIGESTED_AT_ONCE):
        digest.update(whole[start : start + DIGESTED_AT_ONCE])
        yield
    return digest.digest()


def check(plan: ResourcePlan, request: PublishRequest) -> Steps[Checked]:
    """Return the records; raises RecordsInvalid, SourceLost, VersionSuperseded, bad bodies."""
    plan.require_source()
    if request.version is not None and request.version != plan.version:
        raise VersionSuperseded(published_version=plan.version)
    checked = yield from _CHECKS[request.op, request.media](plan.plan, request.body)
    if not checked.rejected:
        return checked
    if request.on_invalid is OnInvalid.QUARANTINE:
        refuse_too_large(checked, len(request.body))
        return checked
    refusal = checked.refusal()
    if checked.malformed:
        raise refusal
    raise RecordsInvalid(errors=refusal.errors, error_count=refusal.error_count)


def split(
    checked: Checked, partitions: int, facts: BatchFacts, *, delete: bool
) -> list[tuple[int, Slice]]:
    """Share the records out over their partitions, in order; each slice tells its own count."""
    values: Sequence[bytes | None] = [None] * len(checked.keys) if delete else checked.lines
    if partitions == 1:
        return [(0, Slice(checked.keys, values, facts.headers()))]
    shares: dict[int, tuple[list[bytes], list[bytes | None]]] = {}
    for key, value in zip(checked.keys, values, strict=True):
        keys, values_of_share = shares.setdefault(partition_of(key, partitions), ([], []))
        keys.append(key)
        values_of_share.append(value)
    return [
        (
            partition,
            Slice(keys, values_of_share, msgspec.structs.replace(facts, count=len(keys)).headers()),
        )
        for partition, (keys, values_of_share) in sorted(shares.items())
    ]


def _keyed(
    principal: Principal, resource_id: str, request: PublishRequest, digest: bytes
) -> Keyed | None:
    """Name a publish by its key: the scope of a key is client and resource (`api.md` section 5)."""
    if request.idempotency_key is None:
        return None
    key = f"{principal.id}\n{resource_id}\n{request.idempotency_key}".encode()
    intent = hashlib.blake2b(key, digest_size=INTENT_BYTES).digest()
    in_log = content_digest(request.op.encode(), digest)
    if request.on_invalid is OnInvalid.REJECT:
        return Keyed(intent, in_log, in_log)
    question = request.op.encode() + request.on_invalid.encode()
    return Keyed(intent, content_digest(question, digest), in_log)
