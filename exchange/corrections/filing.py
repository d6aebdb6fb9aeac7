"""Raising a correction (Order 809 Art 26): who may, what may be asked, whether it was received."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from auth.principal import Principal
from catalog import versions
from catalog.contracts.keys import KEY_BYTES_MAX
from exchange import store as moving
from exchange.applications.deadlines import Limits
from exchange.corrections import granted_terms, store
from exchange.corrections.key_search import KeyRecord, KeySearch, SearchTooLongError, SoughtKey
from exchange.corrections.marking import Marking
from exchange.corrections.moves import message
from exchange.corrections.receiving import TermsOf, last_received, values
from exchange.corrections.states import AUTHORS, Defect, State
from exchange.corrections.tables import Correction
from exchange.delivery.projection.views import Terms, VersionView, masks_in_force, view_of
from exchange.events import ExchangeEvent
from exchange.log.partitions import partition_of
from exchange.log.topics import topic_of
from exchange.metering.evidence import store as evidence
from exchange.metering.evidence.delivered import Handed, Under
from exchange.parties import Side, authorize
from exchange.subscriptions.conditions import FITS, HINTS, Scalar
from exchange.subscriptions.tables import Subscription
from kernel import audit, clock, outbox
from kernel.database import Database, ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors, Invalid, NotFound, Unavailable
from kernel.ids import new_id
from kernel.terms import Term
from kernel.workdays import local_date

# What wait for an answer at once of one subscription.
OPEN_MAX: Final = 1_000
# How often it is looked before a key was never received: now, when workers were asked to tell, and
# when they have told by themselves.
LOOKS: Final = 3
SEARCH_SECONDS: Final = 20.0


class NeverReceived(Exception):
    """Nothing that was handed on, as far as it was told, holds the key."""


@dataclass(frozen=True, slots=True)
class DisputedItem:
    """`expected` is what the consumer holds for right, None where it says nothing of it."""

    item: str
    expected: Scalar | None = None

    def as_json(self) -> dict[str, Any]:
        said = {} if self.expected is None else {"expected": self.expected}
        return {"item": self.item} | said


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRequest:
    """`key` is as the subscription sees it."""

    key: str
    problem: Defect
    description: str
    items: tuple[DisputedItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be made; `under` are the terms that hold now."""

    subscription: Subscription
    request: CorrectionRequest
    under: Under
    partitions: int
    terms_of: TermsOf
    handed: Sequence[Handed]


@dataclass(frozen=True, slots=True)
class Received:
    """The disputed record as it was found; `after_place` is what the fix lies behind."""

    record: KeyRecord | None = None
    under: Under | None = None
    record_key: bytes | None = None
    partition: int | None = None
    after_place: int = -1
    digests: Mapping[str, str] = field(default_factory=dict)


def authorize_author(principal: Principal, relation: Any) -> None:  # noqa: ANN401 - a relation
    """Let the consumer's staff and the subscription's own client act; NotFound, 403 errors."""
    if principal.kind == "client":
        if relation.client_id != principal.id:
            raise NotFound
        return
    authorize(principal, relation, {Side.CONSUMER: AUTHORS})


async def received_by(
    session: ReadSession, principal: Principal, subscription_id: str
) -> Subscription:
    """Return the subscription to whoever may object to what it received; NotFound, 403 errors."""
    row = await moving.get(session, Subscription, subscription_id)
    authorize_author(principal, row)
    return row


async def ask(
    session: ReadSession,
    marking: Marking,
    principal: Principal,
    subscription_id: str,
    request: CorrectionRequest,
) -> Asked:
    """Return what is to be looked for in the log; raises NotFound, 403 errors, Invalid."""
    row = await received_by(session, principal, subscription_id)
    published = await versions.contract_of(session, row.resource_id, None)
    granted = await granted_terms.load(session, marking.box, row.resource_id, [row.id])
    under = Under(row.id, row.revision, published.version, 0)
    check(request, row, granted.of(under))
    if await store.open_of(session, row.id) >= OPEN_MAX:
        raise Conflict(
            f"该共享授权有 {OPEN_MAX} 件校核申请尚未答复，请等待答复",
            f"{OPEN_MAX} corrections of this subscription wait for an answer: wait for them",
        )
    handed = await evidence.of_subscription(session, row.id)
    seen = await evidence.last_seen(session, row.resource_id, row.id)
    lost = [each for n in range(published.partitions) for each in granted.lost(seen, n)]
    return Asked(row, request, under, published.partitions, granted.of, [*handed, *lost])


def check(request: CorrectionRequest, row: Subscription, terms: Terms) -> None:
    """Raise Invalid for items that are not granted, and values that cannot be theirs."""
    errors = FieldErrors()
    if len(request.key.encode()) > KEY_BYTES_MAX:
        errors.add("key", "too_long", "主键过长", "the key is too long")
    view = view_of(terms, terms.in_force) if terms.in_force in terms.versions else None
    masked, seen = masks_in_force(terms), set[str]()
    for index, each in enumerate(request.items):
        path = f"items[{index}]"
        if each.item not in row.items:
            zh, en = f"授权不包括信息项 {each.item}", f"{each.item} is not granted"
            errors.add(f"{path}.item", "unknown_item", zh, en, allowed=sorted(row.items)[:100])
        elif each.item in seen:
            errors.add(f"{path}.item", "duplicate", "信息项重复", "is named before")
        elif each.expected is not None:
            _check_expected(errors, f"{path}.expected", each, view, masked)
        seen.add(each.item)
    errors.raise_if_any()


def _check_expected(
    errors: FieldErrors,
    path: str,
    each: DisputedItem,
    view: VersionView | None,
    masked: Mapping[str, Any],
) -> None:
    if each.item in masked:
        zh, en = "脱敏的信息项不能填写应为的值", "of a masked item no value may be said"
        errors.add(path, "not_allowed", zh, en)
        return
    names = {} if view is None else {item.granted: item.name for item in view.items}
    fields = {} if view is None else {each.name: each for each in view.fields}
    found = fields.get(names.get(each.item, ""))
    if found is not None and each.expected is not None and not FITS[found.data_type](each.expected):
        hint = HINTS.get(found.data_type, ("", ""))
        zh = f"须为 {found.data_type} 类型的值{hint[0]}"
        en = f"must be a value of type {found.data_type}{hint[1]}"
        errors.add(path, "wrong_type", zh, en)


async def look(
    database: Database,
    search: KeySearch,
    marking: Marking,
    principal: Principal,
    subscription_id: str,
    request: CorrectionRequest,
    *,
    told_within: float,
) -> tuple[Asked, Received]:
    """Return the request and the disputed record, which is looked for outside any session.

    What retention took, or takes too long to look through, counts as received. Workers are asked
    what they handed on; before a refusal it is looked again within so many seconds. Raises
    NotFound, 403 errors, Invalid for what may not be asked and for a key that was never received,
    and Unavailable where a hashed key could not be found in time.
    """
    looks = LOOKS
    while True:
        # Of a key that was received before, the older record would be taken for the disputed one.
        await marking.ask_workers()
        looks -= 1
        async with database.reading() as session:
            asked = await ask(session, marking, principal, subscription_id, request)
        try:
            return asked, await _look(search, marking, asked)
        except NeverReceived as error:
            if not looks:
                raise _refusal() from error
        if looks == 1:
            await asyncio.sleep(told_within)


async def _look(search: KeySearch, marking: Marking, asked: Asked) -> Received:
    terms = asked.terms_of(asked.under)
    sought = SoughtKey(asked.request.key, terms)
    topic = topic_of(asked.subscription.resource_id)
    partitions: Sequence[int] = range(asked.partitions)
    if sought.is_clear:
        partitions = [partition_of(asked.request.key.encode(), asked.partitions)]
    until, unknown = clock.monotonic() + SEARCH_SECONDS, False
    ends: dict[int, int] = {}
    for partition in partitions:
        handed = await marking.bounded(
            topic, partition, [each for each in asked.handed if each.under.partition == partition]
        )
        first, ends[partition] = await search.bounds(topic, partition)
        try:
            received = await _last(search, asked, sought, (topic, partition), handed,
                                   first, ends[partition], until)  # fmt: skip
        except SearchTooLongError:
            unknown = True
            break
        if received is not None:
            return _received(asked, received, handed, marking)
        unknown = unknown or any(each.first < first for each in handed)
    return _not_found(asked, sought, partitions, ends, unknown=unknown)


async def _last(  # noqa: PLR0913 - where and how far to look
    search: KeySearch,
    asked: Asked,
    sought: SoughtKey,
    topic_partition: tuple[str, int],
    handed: Sequence[Handed],
    first: int,
    end: int,
    until: float,
) -> KeyRecord | None:
    """Return the last record of the key that was handed on, None where none was."""
    if not handed:
        return None
    lowest = max(first, min(each.first for each in handed))
    highest = min(end, max(each.last for each in handed) + 1)
    async for records in search.backwards(*topic_partition, sought, lowest, highest, until):
        by_place = {each.offset: each for each in records if each.value}
        sightings = [each.sighting for each in by_place.values()]
        received = last_received(sightings, handed, asked.terms_of)
        if received is not None:
            return by_place[received.offset]
    return None


def _received(
    asked: Asked, record: KeyRecord, handed: Sequence[Handed], marking: Marking
) -> Received:
    """Return what is kept of the record that was handed on last, under the latest terms."""
    covering = [each.under for each in handed if each.covers(record.partition, record.offset)]
    latest = max(covering, key=lambda each: (each.revision, each.version))
    items = [each.item for each in asked.request.items]
    digests = values(asked.terms_of(latest), record.sighting, items, marking.digest)
    return Received(record, latest, record.key, record.partition, record.offset, digests)


def _not_found(
    asked: Asked,
    sought: SoughtKey,
    partitions: Sequence[int],
    ends: Mapping[int, int],
    *,
    unknown: bool,
) -> Received:
    missing = asked.request.problem is Defect.MISSING
    if not sought.is_clear:
        if unknown and not missing:
            raise Unavailable(
                "主键经过散列，在限定时间内未能从已交付的记录中找到，请稍后重试",
                "The hashed key was not found in time among what was delivered; try again",
            )
        if missing:
            return Received()
    elif missing or unknown:
        partition = partitions[0]
        key = asked.request.key.encode()
        behind = ends.get(partition, 0) - 1 if missing else -1
        return Received(None, None, key, partition, behind)
    raise NeverReceived


def _refusal() -> Exception:
    errors = FieldErrors()
    errors.add(
        "key",
        "never_received",
        "本授权从未收到该主键的记录；如属缺失，请选择 missing",
        "no record of this key was ever received by this subscription; if it is lacking, say"
        " missing",
    )
    return Invalid(errors=errors.found)


async def submit(
    session: WriteSession,
    principal: Principal,
    asked: Asked,
    received: Received,
    *,
    limits: Limits,
    now: datetime,
) -> Correction:
    """Write the correction; C7 begins with its receipt, which is now."""
    subscription, request = asked.subscription, asked.request
    under = received.under or asked.under
    record = received.record
    term = Term(local_date(now), limits.correction)
    named = [each.item for each in request.items]
    row = Correction(
        id=new_id(),
        subscription_id=subscription.id,
        resource_id=subscription.resource_id,
        client_id=subscription.client_id,
        consumer_department=subscription.consumer_department,
        provider_department=subscription.provider_department,
        region_code=subscription.region_code,
        status=State.SUBMITTED,
        key=request.key,
        record_key=received.record_key,
        problem=request.problem,
        items=[each.as_json() for each in request.items],
        elements=sorted({subscription.elements[item] for item in named}),
        description=request.description,
        submitted_by=principal.id,
        submitted_at=now,
        partition=received.partition,
        place=None if record is None else record.offset,
        record_version=None if record is None else record.version,
        digests=dict(received.digests),
        after_place=received.after_place,
        revision_disputed=under.revision,
        version_disputed=under.version,
        **term.columns(),
    )
    session.add(row)
    await session.flush()
    # Neither the key nor any value stands in history, audit or messages.
    facts = {"problem": str(request.problem), "items": named}
    step = (None, State.SUBMITTED)
    store.add_history(session, row.id, "submit", step, principal.actor, now, facts)
    event = ExchangeEvent.CORRECTION_SUBMITTED
    audit.record(session, principal.actor, event, "correction", row.id, **facts)
    outbox.add(session, event, row.id, message(row))
    return row
