"""Grants: what delivery must know of a subscription before a record may leave (P3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from operator import itemgetter
from typing import Any, Final, NamedTuple

from auth.principal import Principal
from exchange import modes
from exchange import store as moving
from exchange.errors import (
    ModeNotGranted,
    SubscriptionExpired,
    SubscriptionNotStarted,
    SubscriptionSuspended,
    SubscriptionTerminated,
)
from exchange.subscriptions import conditions, store
from exchange.subscriptions.conditions import Condition
from exchange.subscriptions.states import State
from exchange.subscriptions.tables import Subscription
from kernel import clock
from kernel.database import ReadSession, WriteSession
from kernel.errors import NotFound
from kernel.workdays import SHANGHAI, end_of_day, local_date

# Members of an enum cost ten times as much to name as this does.
ACTIVE: Final = State.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Which items of which version were agreed to, with which masks, of which rows.

    `elements` are those of `items`, and of the items that `row_filter` names, in
    `resource_version`. `masks` were agreed for `items`; an item of `unmasked` stays clear when a
    later version masks it. `row_filter` is joined by AND.
    """

    resource_version: int
    items: tuple[str, ...]
    elements: Mapping[str, str]
    masks: Mapping[str, Mapping[str, Any]]
    unmasked: frozenset[str]
    row_filter: tuple[Condition, ...]


class GrantHead(NamedTuple):
    """A grant by its parties, without what was agreed."""

    id: str
    consumer_department: str
    client_id: str
    status: str


class AgreedAlike(NamedTuple):
    """Grants of one resource that agree in their terms; by id."""

    agreed: Agreed
    grants: Sequence[GrantHead]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Agreed):
    """One subscription as delivery sees it.

    `valid_until_moment` is the first moment at which nothing may leave any more. `detail` lets a
    verify name what does not match, `ledger` has each page written down before it leaves.
    `editions` are those of code lists in which the values of items are handed on.
    """

    id: str
    resource_id: str
    client_id: str
    consumer_department: str
    status: State
    mode: str
    valid_from_moment: datetime | None
    valid_until_moment: datetime
    records_per_day: int | None
    revision: int
    detail: bool = False
    ledger: bool = False
    editions: Mapping[str, str] = field(default_factory=dict)
    suspend_reason: str | None = None
    remedy_by: date | None = None


async def load(session: ReadSession, subscription_id: str) -> Grant:
    """Raise NotFound when there is no such subscription."""
    return grant_of(await moving.get(session, Subscription, subscription_id))


async def load_several(
    session: ReadSession, subscription_ids: Sequence[str]
) -> Mapping[str, Grant]:
    """Return the grants that there are, by their ids."""
    rows = await moving.several(session, Subscription, subscription_ids)
    return {row.id: grant_of(row) for row in rows}


async def running(session: ReadSession, resource_id: str, now: datetime) -> Sequence[AgreedAlike]:
    """Return the grants of a resource that live: suspended ones too, for they may be resumed."""
    rows = await store.running(session, resource_id, local_date(now))
    return [
        AgreedAlike(
            Agreed(**_agreed(row)),
            [GrantHead(*head) for head in sorted(row.heads, key=itemgetter(0))],
        )
        for row in rows
    ]


def head_of(row: Subscription) -> GrantHead:
    return GrantHead(row.id, row.consumer_department, row.client_id, row.status)


def agreed_of(row: Subscription) -> Agreed:
    return Agreed(**_agreed(row))


def _agreed(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a subscription, or a row of its terms
    return {
        "resource_version": row.resource_version,
        "items": tuple(row.items),
        "elements": row.elements,
        "masks": row.masks,
        "unmasked": frozenset(row.unmasked),
        "row_filter": conditions.from_json(row.row_filter),
    }


def grant_of(row: Subscription) -> Grant:
    return Grant(
        **_agreed(row),
        id=row.id,
        resource_id=row.resource_id,
        client_id=row.client_id,
        consumer_department=row.consumer_department,
        status=State(row.status),
        mode=row.mode,
        valid_from_moment=_start_of(row.valid_from),
        # Moments of one time zone are compared ten times as fast as those of two.
        valid_until_moment=end_of_day(row.valid_until).astimezone(UTC),
        records_per_day=row.records_per_day,
        revision=row.revision,
        detail=row.detail,
        ledger=row.ledger,
        editions=row.editions,
        suspend_reason=row.suspend_reason,
        remedy_by=row.remedy_by,
    )


def _start_of(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, SHANGHAI).astimezone(UTC)


def check_active(grant: Grant, now: datetime) -> None:
    """Raise the 403 error that keeps records from leaving at this moment."""
    begins = grant.valid_from_moment
    if (
        grant.status is ACTIVE
        and now < grant.valid_until_moment
        and (begins is None or now >= begins)
    ):
        return
    if grant.status is State.TERMINATED:
        raise SubscriptionTerminated
    if grant.status is State.EXPIRED or now >= grant.valid_until_moment:
        raise SubscriptionExpired
    if grant.status is State.SUSPENDED:
        raise _suspended(grant)
    if grant.valid_from_moment is not None and now < grant.valid_from_moment:
        raise SubscriptionNotStarted


def _suspended(grant: Grant) -> SubscriptionSuspended:
    """Tell the reason, and the day by which it is to be remedied, to the consumer's system."""
    if grant.suspend_reason is None:
        return SubscriptionSuspended()
    day = "" if grant.remedy_by is None else f"{grant.remedy_by:%Y-%m-%d}"
    until = (f"；请于 {day} 前整改", f"; remedy it by {day}") if day else ("", "")
    return SubscriptionSuspended(
        f"共享授权已被暂停：{grant.suspend_reason}{until[0]}",
        f"The subscription is suspended: {grant.suspend_reason}{until[1]}",
        reason=grant.suspend_reason,
        remedy_by=day or None,
    )


def check_mode(grant: Grant, mode: str) -> None:
    """Raise ModeNotGranted unless the agreement names this mode, or one that includes it."""
    if not modes.includes(grant.mode, mode):
        raise ModeNotGranted(grant.mode)


async def require_own(
    session: ReadSession, principal: Principal, subscription_id: str, mode: str
) -> None:
    """Raise NotFound to whoever is not the grant's client, and the 403 errors of its state."""
    grant = (await load_several(session, [subscription_id])).get(subscription_id)
    if grant is None or grant.client_id != principal.id:
        raise NotFound
    check_active(grant, clock.now())
    check_mode(grant, mode)


class StoredPosition(NamedTuple):
    """Where a consumer stands, and the id of the topic that this is about, None if not known.

    `told` is the last recalled key that it was told of.
    """

    position: Any
    topic_id: bytes | None
    told: int = 0


async def position_of(session: ReadSession, subscription_id: str) -> StoredPosition | None:
    """Return the stored position, None where nothing was committed yet; raises NotFound."""
    row = await moving.get(session, Subscription, subscription_id)
    if not row.position:
        return None
    return StoredPosition(row.position, row.position_topic, row.position_told)


async def commit_position(
    session: WriteSession,
    subscription_id: str,
    position: Any,  # noqa: ANN401 - any JSON; its meaning is the cursor's
    *,
    topic_id: bytes | None = None,
    told: int = 0,
    now: datetime,
) -> Subscription:
    """Store the consumer's position, forward or back; raises NotFound."""
    return await store.write_position(session, subscription_id, position, topic_id, told, now)


async def active_count(session: ReadSession, resource_id: str, *, now: datetime) -> int:
    """Count the subscriptions that live, suspended ones included: those may be resumed.

    No new one can be granted until the caller's transaction ends.
    """
    await store.hold_resource(session, resource_id, alone=True)
    return await store.count_live(session, resource_id, local_date(now))
