"""SQL of subscriptions."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import func, text, type_coerce
from sqlalchemy import select as columns
from sqlalchemy.dialects.postgresql import array, insert
from sqlalchemy.types import NullType
from sqlmodel import and_, col, or_, select, update

from auth.regions.within import within
from exchange import store as moving
from exchange.modes import SERVED_BY, Live
from exchange.parties import Side
from exchange.subscriptions.states import LIVE, State
from exchange.subscriptions.tables import LiveResource, Subscription, SubscriptionHistory
from kernel import locks
from kernel.database import ReadSession, WriteSession
from kernel.errors import NotFound
from kernel.paging import Page, PageRequest

HISTORY = moving.History(SubscriptionHistory, "subscription_id")
add_history, history = HISTORY.add, HISTORY.of


async def page(
    session: ReadSession,
    sides: Mapping[Side, str],
    status: State | None,
    client_id: str | None,
    resource_id: str | None,
    today: date,
    request: PageRequest,
) -> Page[Subscription]:
    """Return what the `sides` may see. Status is that of `today`."""
    query = select(Subscription)
    query = query.where(or_(*(_seen_by(side, key) for side, key in sides.items())))
    if status is not None:
        query = query.where(*_in_state(status, today))
    if client_id is not None:
        query = query.where(col(Subscription.client_id) == client_id)
    if resource_id is not None:
        query = query.where(col(Subscription.resource_id) == resource_id)
    rows = (await session.exec(request.apply(query, Subscription.id))).all()
    return request.page(rows, "id")


def _seen_by(side: Side, key: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    if side is Side.CONSUMER:
        return col(Subscription.consumer_department) == key
    if side is Side.PROVIDER:
        return col(Subscription.provider_department) == key
    return within(col(Subscription.region_code), key)


def _in_state(status: State, today: date) -> Sequence[Any]:
    over = col(Subscription.valid_until) < today
    if status is State.EXPIRED:
        lapsed = col(Subscription.status).in_(LIVE) & over
        return [or_(col(Subscription.status) == status, lapsed)]
    if status in LIVE:
        return [col(Subscription.status) == status, ~over]
    return [col(Subscription.status) == status]


async def take_lapsed(session: WriteSession, today: date, limit: int) -> Sequence[Subscription]:
    """Lock live subscriptions whose last day is over, leaving out those another worker holds."""
    lapsed = (
        select(Subscription)
        .where(col(Subscription.status).in_(LIVE), col(Subscription.valid_until) < today)
        .order_by(col(Subscription.id))
        .limit(limit)
    )
    return (await session.exec(lapsed.with_for_update(skip_locked=True))).all()


async def note_live(
    session: WriteSession, kind: Live, resource_ids: Sequence[str], since: datetime
) -> None:
    """Remember that resources hold something to be taken, if that is news."""
    if resource_ids:
        facts = {"kind": kind, "since": since}
        rows = [{"resource_id": each, **facts} for each in sorted(set(resource_ids))]
        await session.execute(insert(LiveResource).values(rows).on_conflict_do_nothing())


async def take_live(session: WriteSession, limit: int) -> Sequence[tuple[Subscription, datetime]]:
    """Lock subscriptions whose resource holds what they take, with since when it does."""
    serves = or_(
        *(
            and_(col(LiveResource.kind) == kind, col(Subscription.mode).in_(modes))
            for kind, modes in SERVED_BY.items()
        )
    )
    since = (
        select(func.min(LiveResource.since))
        .where(col(LiveResource.resource_id) == col(Subscription.resource_id), serves)
        .correlate(Subscription)
        .scalar_subquery()
    )
    live = (
        select(Subscription, since)
        .where(col(Subscription.delivered_at).is_(None), since.is_not(None))
        .limit(limit)
    )
    return (await session.exec(live.with_for_update(of=Subscription, skip_locked=True))).all()


async def write_delivery(
    session: WriteSession,
    subscription_id: str,
    **columns: Any,  # noqa: ANN401 - columns of C6
) -> Subscription:
    """Write columns of C6; no term of the grant changes, so neither does its revision."""
    statement = (
        update(Subscription)
        .where(col(Subscription.id) == subscription_id)
        .values(**columns)
        .returning(Subscription)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one()


async def take_undelivered(
    session: WriteSession, due_before: datetime, limit: int
) -> Sequence[Subscription]:
    """Lock live subscriptions newly past their day of delivery whose resource holds nothing."""
    overdue = (
        select(Subscription)
        .where(
            col(Subscription.deliver_by) <= due_before,
            col(Subscription.delivered_at).is_(None),
            col(Subscription.delivery_breached_at).is_(None),
            col(Subscription.status).in_(LIVE),
        )
        .limit(limit)
    )
    return (await session.exec(overdue.with_for_update(skip_locked=True))).all()


async def take_outdated(session: WriteSession, calendar: int, limit: int) -> Sequence[Subscription]:
    """Lock undelivered subscriptions whose day was reckoned before a newer notice."""
    outdated = (
        select(Subscription)
        .where(
            col(Subscription.deliver_calendar) < calendar,
            col(Subscription.delivered_at).is_(None),
            col(Subscription.delivery_breached_at).is_(None),
            col(Subscription.status).in_(LIVE),
        )
        .limit(limit)
    )
    return (await session.exec(outdated.with_for_update(skip_locked=True))).all()


async def take_open(session: WriteSession, after: str, limit: int) -> Sequence[Subscription]:
    """Lock undelivered subscriptions behind an id, in the order of ids."""
    undelivered = (
        select(Subscription)
        .where(
            col(Subscription.delivered_at).is_(None),
            col(Subscription.delivery_breached_at).is_(None),
            col(Subscription.status).in_(LIVE),
            col(Subscription.id) > after,
        )
        .order_by(col(Subscription.id))
        .limit(limit)
    )
    locked = undelivered.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(locked)).all()


async def take_active(
    session: WriteSession, resource_id: str, today: date
) -> Sequence[Subscription]:
    """Lock the subscriptions of a resource that are active on a day."""
    active = (
        select(Subscription)
        .where(
            col(Subscription.resource_id) == resource_id,
            col(Subscription.status) == State.ACTIVE,
            col(Subscription.valid_until) >= today,
        )
        .order_by(col(Subscription.id))
        .execution_options(populate_existing=True)
    )
    return (await session.exec(active.with_for_update())).all()


# What two grants of a resource must agree in for a version to do the same to both.
TERMS: Final = ("resource_version", "items", "elements", "masks", "unmasked", "row_filter")
HEAD: Final = ("id", "consumer_department", "client_id", "status")


async def running(session: ReadSession, resource_id: str, today: date) -> Sequence[Any]:
    """Return the TERMS of subscriptions that are live on a day, suspended ones included.

    `heads` of each are the HEAD of all that agree in them, in no order: many thousands of whole
    subscriptions take half a second to be read.
    """
    terms = [col(getattr(Subscription, name)) for name in TERMS]
    head = array([col(getattr(Subscription, name)) for name in HEAD])
    # Lists of texts are what the driver gives: no text need be looked at.
    heads = type_coerce(func.array_agg(head), NullType())
    query = columns(*terms, heads.label("heads"))
    query = query.where(*_running([resource_id], today)).group_by(*terms)
    return (await session.execute(query)).all()


def _running(resource_ids: Collection[str], today: date) -> Sequence[Any]:
    return [
        col(Subscription.resource_id).in_(resource_ids),
        col(Subscription.status).in_(LIVE),
        col(Subscription.valid_until) >= today,
    ]


class Use(NamedTuple):
    """Who uses a resource; a thousand whole subscriptions take a quarter of a second to be read."""

    id: str
    resource_id: str
    client_id: str
    consumer_department: str
    provider_department: str
    region_code: str

    @property
    def is_unsigned(self) -> bool:
        return False


async def of_resources(
    session: ReadSession, resource_ids: Sequence[str], today: date, most: int
) -> Sequence[Use]:
    """Return the live subscriptions of resources on a day, at most so many."""
    wanted = [col(getattr(Subscription, name)) for name in Use._fields]
    query = columns(*wanted).where(*_running(resource_ids, today))
    found = await session.execute(query.order_by(col(Subscription.id)).limit(most))
    return [Use(*row) for row in found]


async def users(
    session: ReadSession, resource_ids: Collection[str], today: date
) -> Mapping[str, int]:
    """Return by resource how many departments have a running subscription to it."""
    query = (
        select(
            Subscription.resource_id, func.count(func.distinct(Subscription.consumer_department))
        )
        .where(*_running(resource_ids, today))
        .group_by(col(Subscription.resource_id))
    )
    return {id_: int(number) for id_, number in (await session.exec(query)).all()}


async def count_live(session: ReadSession, resource_id: str, today: date) -> int:
    query = select(func.count()).where(*_running([resource_id], today))
    return (await session.exec(query)).one()


FILTERED = text("""
    SELECT s.resource_id, array_agg(DISTINCT c.item) AS items
    FROM exchange.subscription s, jsonb_to_recordset(s.row_filter) AS c (item text)
    WHERE s.status = ANY(:live) AND s.valid_until >= :today AND NOT EXISTS (
        SELECT FROM exchange.folded_resource f
        WHERE f.resource_id = s.resource_id AND f.asked_at > :asked_since
    )
    GROUP BY s.resource_id ORDER BY random() LIMIT :most
""")


async def filtered_items(
    session: ReadSession, today: date, asked_since: datetime, most: int
) -> dict[str, set[str]]:
    """Return which items live grants filter on, by resource, but for those asked for since.

    At most so many resources, each time others.
    """
    facts = {"live": list(LIVE), "today": today, "asked_since": asked_since, "most": most}
    rows = await session.execute(FILTERED.bindparams(**facts))
    return {resource_id: set(items) for resource_id, items in rows}


ANSWERING = text("""
    SELECT DISTINCT s.resource_id FROM exchange.subscription s
    WHERE s.status = ANY(:live) AND s.valid_until >= :today AND s.mode = ANY(:modes)
    AND NOT EXISTS (
        SELECT FROM exchange.folded_resource f
        WHERE f.resource_id = s.resource_id AND f.asked_at > :asked_since
    )
    LIMIT :most
""")


async def granted_by(
    session: ReadSession, modes: Collection[str], today: date, asked_since: datetime, most: int
) -> list[str]:
    """Return resources with live grants of some modes, but for those asked for since."""
    facts = {"live": list(LIVE), "today": today, "asked_since": asked_since, "most": most}
    rows = await session.execute(ANSWERING.bindparams(modes=list(modes), **facts))
    return list(rows.scalars())


async def write_position(
    session: WriteSession,
    subscription_id: str,
    position: object,
    topic_id: bytes | None,
    told: int,
    now: datetime,
) -> Subscription:
    """Raise NotFound when there is no such subscription."""
    statement = (
        update(Subscription)
        .where(col(Subscription.id) == subscription_id)
        .values(position=position, position_topic=topic_id, position_told=told, position_at=now)
        .returning(Subscription)
        .execution_options(populate_existing=True)
    )
    written = (await session.scalars(statement)).one_or_none()
    if written is None:
        raise NotFound
    return written


async def hold_resource(session: ReadSession, resource_id: str, *, alone: bool) -> None:
    """Let grants of a resource and its retirement take turns until the transaction ends."""
    await locks.hold_named(session, locks.Lock.RESOURCE, resource_id, alone=alone)


async def undelivered(session: ReadSession, now: datetime) -> int:
    """Return how many live subscriptions are not served yet although their day is over (C6)."""
    late = select(func.count()).where(
        col(Subscription.deliver_by) <= now,
        col(Subscription.delivered_at).is_(None),
        col(Subscription.status).in_(LIVE),
    )
    return int((await session.exec(late)).one())
