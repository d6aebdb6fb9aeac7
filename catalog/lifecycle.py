"""The life cycle of a resource, from the leader's sign-off to its retirement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NoReturn

from auth.duties import require_other_eyes
from auth.principal import Principal, Role
from catalog import (
    announcing,
    checking,
    clocks,
    duplicates,
    losses,
    resource_codes,
    snapshots,
    versions,
)
from catalog.announcing import Announcement
from catalog.entries import Entry
from catalog.errors import ChangedMeanwhile, HasSubscriptions
from catalog.events import CatalogEvent
from catalog.recovery import record_items
from catalog.rules.similarity import SAME_DATUM
from catalog.states import NEXT, Action, State, step
from catalog.store import elements as element_store
from catalog.store import resources as store
from catalog.tables import Resource, ResourceVersion
from catalog.visibility import Shown, actions, acts_as, present, require, serves, standing
from kernel import outbox
from kernel.audit import record
from kernel.changes import announce
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError, FieldErrors, NotFound
from kernel.workdays import local_date

EVENTS: Mapping[Action, CatalogEvent] = {
    Action.SUBMIT: CatalogEvent.RESOURCE_SUBMITTED,
    Action.WITHDRAW: CatalogEvent.RESOURCE_WITHDRAWN,
    Action.DISCARD: CatalogEvent.RESOURCE_DISCARDED,
    Action.RETURN: CatalogEvent.RESOURCE_RETURNED,
    Action.APPROVE: CatalogEvent.RESOURCE_APPROVED,
    Action.ANNOUNCE: CatalogEvent.RESOURCE_ANNOUNCED,
    Action.PUBLISH: CatalogEvent.RESOURCE_PUBLISHED,
    Action.REVISE: CatalogEvent.RESOURCE_REVISED,
    Action.RETIRE: CatalogEvent.RESOURCE_RETIRED,
}


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What the broker must hold before version `version` is published."""

    resource_id: str
    version: int
    partitions: int
    is_first: bool


async def submit(  # noqa: PLR0913 - a setting is a value
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    *,
    leader_name: str,
    signed_on: date,
    now: datetime,
    four_eyes: bool = False,
    similar_score: float = SAME_DATUM,
) -> Shown:
    """Hand the draft to the authority with the leader's sign-off (Art 12); raises Invalid.

    With `four_eyes` somebody else than who drafted the version must do so: FourEyes. What others
    publish with so similar a score is referred to, or explained (Art 19).
    """
    shown = await _start(session, principal, resource_id, Action.SUBMIT)
    if four_eyes:
        require_other_eyes(principal, await _drafters(session, shown))
    today = local_date(now)
    unexplained = await duplicates.errors(session, shown, similar_score)
    await checking.contract(
        session, shown, *_sign_off_errors(signed_on, today), *unexplained, on=today
    )
    await _code(session, shown)
    return await _move(
        session,
        principal,
        shown.resource,
        Action.SUBMIT,
        now=now,
        leader_name=leader_name,
        signed_on=signed_on,
        submitted_at=now,
        return_reason=None,
    )


async def _code(session: WriteSession, shown: Shown) -> None:
    """Give a code to what was drafted by a gateway of the release before."""
    if shown.resource.resource_code is None:
        code = await resource_codes.give(session, shown.version.class_code)
        await store.set_code(session, shown.resource, code)


async def _drafters(session: ReadSession, shown: Shown) -> set[str]:
    """Return who began the draft of the version; who returned it did not."""
    moves = await store.transitions(session, shown.resource.id)
    began = ("create", Action.REVISE)
    return {
        move.actor_id
        for move in moves
        if move.version == shown.version.number and move.action in began
    }


def _sign_off_errors(signed_on: date, today: date) -> list[FieldError]:
    if signed_on <= today:
        return []
    return [FieldError("signed_on", "out_of_range", "签批日期在未来", "is in the future")]


async def withdraw(
    session: WriteSession, principal: Principal, resource_id: str, *, now: datetime
) -> Shown:
    """Take back what the authority has not decided: the department goes on drafting."""
    shown = await _start(session, principal, resource_id, Action.WITHDRAW)
    return await _move(session, principal, shown.resource, Action.WITHDRAW, now=now)


async def discard(
    session: WriteSession, principal: Principal, resource_id: str, *, now: datetime
) -> Shown:
    """Give a draft up. Of a revision the published version stays, and its number is used up."""
    shown = await _start(session, principal, resource_id, Action.DISCARD)
    resource, number = shown.resource, shown.version.number
    facts = _without_revision(resource) if serves(resource) else {}
    to = State.PUBLISHED if serves(resource) else State.DISCARDED
    if not await store.move(session, resource, to, now=now, **facts):
        await _explain_race(session, resource, Action.DISCARD)
    ended = {"state": State.DISCARDED, "ended_at": now}
    version = await store.set_version(session, resource_id, number, **ended)
    return await _finish(
        session, principal, resource, version, Action.DISCARD, State.DRAFT, now=now
    )


def _without_revision(resource: Resource) -> dict[str, Any]:
    floor = max(resource.version, resource.version_floor)
    return {"version": resource.published_version, "version_floor": floor}


async def send_back(
    session: WriteSession, principal: Principal, resource_id: str, *, reason: str, now: datetime
) -> Shown:
    """Return the entry to its department (action `return`)."""
    shown = await _start(session, principal, resource_id, Action.RETURN)
    facts = {"return_reason": reason, **announcing.UNANNOUNCED}
    return await _move(session, principal, shown.resource, Action.RETURN, now=now, **facts)


async def approve(
    session: WriteSession, principal: Principal, resource_id: str, *, now: datetime
) -> Shown:
    shown = await _start(session, principal, resource_id, Action.APPROVE)
    return await _move(session, principal, shown.resource, Action.APPROVE, now=now, approved_at=now)


async def announce_version(
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    announcement: Announcement,
    *,
    now: datetime,
) -> Shown:
    """Tell those who use the resource from when the approved version holds; once, or Invalid."""
    shown = await _start(session, principal, resource_id, Action.ANNOUNCE)
    announcing.require_new(shown)
    FieldErrors([*announcing.errors(announcement, local_date(now))]).raise_if_any()
    facts = announcing.columns(announcement, now)
    return await _move(session, principal, shown.resource, Action.ANNOUNCE, now=now, **facts)


async def publishing(session: ReadSession, principal: Principal, resource_id: str) -> Shown:
    """Return what `publish` starts from; NotFound, 403 errors, IllegalTransition."""
    return await _start(session, principal, resource_id, Action.PUBLISH)


async def publishable(
    session: ReadSession, principal: Principal, resource_id: str, *, now: datetime
) -> PublishRequest:
    """Check all that `publish` checks, and change nothing."""
    shown = await _start(session, principal, resource_id, Action.PUBLISH)
    await checking.contract(session, shown, on=local_date(now))
    version = shown.version
    first = shown.resource.published_version is None
    return PublishRequest(resource_id, version.number, version.partitions, first)


async def publish(
    session: WriteSession, principal: Principal, resource_id: str, *, now: datetime
) -> Shown:
    """Put the approved version in force with a snapshot of its contract; the old one ends.

    Whoever locks the elements first wins against a source that ends meanwhile: the version is
    refused (`not_the_source`, `no_source`), or is published and loses its source afterwards.
    """
    shown = await _start(session, principal, resource_id, Action.PUBLISH)
    await element_store.share(session, {item["element"] for item in shown.version.items})
    contract = await checking.contract(session, shown, on=local_date(now))
    resource, number = shown.resource, shown.version.number
    await _move_resource(session, resource, Action.PUBLISH, now=now, published_version=number)
    await store.end_published(session, resource_id, State.SUPERSEDED, now=now)
    await store.set_scopes(session, resource)
    facts = {"contract": snapshots.dump(contract), "published_at": now}
    version = await store.set_version(session, resource_id, number, state=State.PUBLISHED, **facts)
    await losses.settle_published(session, principal.actor, resource, now=now)
    items = record_items(version, contract)
    _announce_outside(session, resource, Action.PUBLISH, items=items)
    return await _finish(
        session, principal, resource, version, Action.PUBLISH, State.APPROVED, now=now
    )


async def revise(
    session: WriteSession, principal: Principal, resource_id: str, *, now: datetime
) -> Shown:
    """Draft version n+1 from version n, which goes on serving until n+1 is published."""
    shown = await _start(session, principal, resource_id, Action.REVISE)
    resource = shown.resource
    number = max(shown.version.number, resource.version_floor) + 1
    await _move_resource(session, resource, Action.REVISE, now=now, version=number)
    version = _copy(shown.version, number, now)
    session.add(version)
    await session.flush()
    return await _finish(
        session, principal, resource, version, Action.REVISE, State.PUBLISHED, now=now
    )


def _copy(old: ResourceVersion, number: int, now: datetime) -> ResourceVersion:
    fields = {name: getattr(old, name) for name in Entry.__dataclass_fields__}
    return ResourceVersion(
        resource_id=old.resource_id,
        number=number,
        state=State.DRAFT,
        search_text=old.search_text,
        search_grams=old.search_grams,
        search_scopes=old.search_scopes,
        created_at=now,
        **fields,
    )


async def retire(
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    *,
    reason: str,
    active_subscriptions: int,
    now: datetime,
) -> Shown:
    """End the version that serves, and a revision in work; HasSubscriptions unless authority."""
    shown = await _start(session, principal, resource_id, Action.RETIRE)
    resource, newest = shown.resource, shown.version.number
    if active_subscriptions and not acts_as(principal, Role.AUTHORITY, resource):
        raise HasSubscriptions(active_subscriptions=active_subscriptions)
    serving = resource.published_version or newest
    await _move_resource(session, resource, Action.RETIRE, now=now, version=serving)
    if newest != serving:
        await store.set_version(session, resource_id, newest, state=State.RETIRED, ended_at=now)
    ended = {"state": State.RETIRED, "ended_at": now, "retire_reason": reason}
    version = await store.set_version(session, resource_id, serving, **ended)
    await losses.settle_published(session, principal.actor, resource, now=now)
    _announce_outside(session, resource, Action.RETIRE)
    return await _finish(
        session, principal, resource, version, Action.RETIRE, State.PUBLISHED, now=now
    )


async def _start(
    session: ReadSession, principal: Principal, resource_id: str, action: Action
) -> Shown:
    """Return what the action starts from; NotFound, 403 errors, IllegalTransition."""
    shown = await versions.shown(session, principal, resource_id)
    require(principal, action, shown.resource)
    next_state(shown.resource, action)
    return shown


def next_state(resource: Resource, action: Action) -> State:
    """Return where the action leads; raises IllegalTransition."""
    return step(NEXT, standing(resource, action), action, possible=actions(resource))


async def _move(
    session: WriteSession,
    principal: Principal,
    resource: Resource,
    action: Action,
    *,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - columns of the version
) -> Shown:
    """Move the newest version together with its resource."""
    start = State(resource.status)
    to = next_state(resource, action)
    await _move_resource(session, resource, action, now=now)
    version = await store.set_version(session, resource.id, resource.version, state=to, **facts)
    return await _finish(session, principal, resource, version, action, start, now=now)


async def _move_resource(
    session: WriteSession,
    resource: Resource,
    action: Action,
    *,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - columns of the resource
) -> None:
    """Take the transition, or say what somebody else has made of the resource meanwhile.

    The resource's row is locked before those of its versions, by everybody: no deadlocks.
    """
    if not await store.move(session, resource, next_state(resource, action), now=now, **facts):
        await _explain_race(session, resource, action)


async def _explain_race(session: ReadSession, resource: Resource, action: Action) -> NoReturn:
    current = await store.resource(session, resource.id)
    if current is None:
        raise NotFound
    next_state(current, action)
    raise ChangedMeanwhile


async def _finish(
    session: WriteSession,
    principal: Principal,
    resource: Resource,
    version: ResourceVersion,
    action: Action,
    start: State,
    *,
    now: datetime,
) -> Shown:
    note = _note(action, version)
    store.add_transition(session, principal, version, action, start, now=now, **note)
    await clocks.follow(session, resource, version.number, action, now=now)
    record(
        session,
        principal.actor,
        EVENTS[action],
        "resource",
        resource.id,
        version=version.number,
        **note,
    )
    await announce(session, "resource", resource.id)
    return present(principal, resource, version)


def _note(action: Action, version: ResourceVersion) -> dict[str, Any]:
    """Return what history and audit keep of an action beside its states."""
    match action:
        case Action.RETURN:
            return {"reason": version.return_reason}
        case Action.RETIRE:
            return {"reason": version.retire_reason}
        case Action.ANNOUNCE:
            return announcing.note(version)
        case _:
            return {}


def _announce_outside(
    session: WriteSession,
    resource: Resource,
    action: Action,
    **more: Any,  # noqa: ANN401 - facts of any JSON kind
) -> None:
    facts = {
        "resource_id": resource.id,
        "department": resource.department,
        "version": resource.version,
    }
    outbox.add(session, EVENTS[action], resource.id, facts | more)
