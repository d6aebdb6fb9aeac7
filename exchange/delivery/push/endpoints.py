"""Endpoints: set, tested, rotated, paused and resumed by the consumer's head."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from auth.principal import Principal
from exchange import store as moving
from exchange.delivery.push import messages, store
from exchange.delivery.push.receiver import Receiver, host_of
from exchange.delivery.push.states import (
    ALLOWED_ROLES,
    HEAD,
    READERS,
    Action,
    PausedBy,
    State,
    actions,
    after_test,
    next_state,
)
from exchange.delivery.push.tables import Endpoint, Host, Lane
from exchange.events import ExchangeEvent
from exchange.parties import Permitted, authorize, may
from exchange.subscriptions import grants, register
from exchange.subscriptions.states import LIVE
from exchange.subscriptions.tables import Subscription
from kernel import audit, encrypted, outbox
from kernel.actor import SYSTEM, Actor
from kernel.changes import announce
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors, NotFound
from kernel.preconditions import Precondition
from kernel.secretbox import Secretbox

KIND: Final = "push"
"""What a change of an endpoint or of its lanes is announced as; the key is the subscription."""
MODE: Final = "push"
GONE, GAP = "gone", "cursor_expired"
ENCRYPTED: Final = encrypted.of(Endpoint)
OVERLAP_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Wanted:
    """An endpoint as its head wants it."""

    url: str
    format: str
    max_records: int
    max_bytes: int
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """How messages are signed, and by what a receiver without the secret verifies them."""

    signature: str
    public_key: str | None
    previous_public_key: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """An endpoint with its lanes, and what the caller may do with it.

    `secret` is what a receiver has to be told: a private key is told nobody.
    """

    row: Endpoint
    lanes: tuple[Lane, ...]
    possible: tuple[Action, ...]
    allowed: tuple[Action, ...]
    secret: str | None = None


async def find(session: ReadSession, principal: Principal, subscription_id: str) -> Standing:
    """Raise NotFound to outsiders and where nothing is set, NotYourDepartment to the provider."""
    subscription = await register.find(session, principal, subscription_id)
    authorize(principal, subscription, READERS)
    return await _standing(session, principal, subscription)


async def put(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    precondition: Precondition,
    wanted: Wanted,
    *,
    box: Secretbox,
    now: datetime,
) -> Standing:
    """Set the endpoint, or change it; another URL has to be tested before a record goes there.

    The secret is told where the endpoint is new. Raises ModeNotGranted for another mode, Conflict
    where the subscription has ended, PreconditionRequired, Stale, and Invalid where another
    signature is asked for: a rotation changes it, with an overlap.
    """
    subscription = await _begin(session, principal, subscription_id, HEAD)
    grants.check_mode(grants.grant_of(subscription), MODE)
    if register.status_at(subscription, now) not in LIVE:
        raise Conflict(
            "共享授权已终止或到期，不能设置推送端点",
            "The subscription has ended: it is pushed to nobody",
        )
    present = await session.get(Endpoint, subscription_id, populate_existing=True)
    precondition.check(None if present is None else present.revision)
    secret = None
    if present is None:
        secret = messages.new_secret(wanted.signature or messages.Signature.V1)
        session.add(_new(subscription_id, wanted, box.encrypt(secret.encode()), now))
        await session.flush()
    else:
        _require_same(wanted.signature, box.decrypt(present.secret).decode())
        await _change(session, present, wanted, now)
    facts = {"url": wanted.url, "format": wanted.format}
    await _record(session, principal.actor, ExchangeEvent.ENDPOINT_SET, subscription, facts)
    return replace(await _standing(session, principal, subscription), secret=_told(secret))


def _told(secret: str | None) -> str | None:
    """Return a secret that its receiver needs."""
    return None if secret is None or messages.public_key(secret) else secret


def _require_same(signature: str | None, secret: str) -> None:
    errors = FieldErrors()
    present = messages.signature_of(secret)
    if signature not in (None, present):
        errors.add(
            "signature",
            "fixed",
            "签名方式通过更换密钥变更，过渡期内新旧密钥同时签名",
            "a rotation of the secret changes it, and both sign meanwhile",
            allowed=[present],
        )
    errors.raise_if_any()


def keys(row: Endpoint, box: Secretbox, now: datetime) -> Keys:
    """Return by what its messages are verified; a former key until it stops signing."""
    secret, former = box.decrypt(row.secret).decode(), None
    if row.previous_secret is not None and row.previous_until and now < row.previous_until:
        former = messages.public_key(box.decrypt(row.previous_secret).decode())
    return Keys(messages.signature_of(secret), messages.public_key(secret), former)


async def require_testable(
    session: ReadSession, principal: Principal, subscription_id: str
) -> None:
    """Raise what keeps the caller from testing: NotFound, 403s, IllegalTransition."""
    subscription = await moving.get(session, Subscription, subscription_id)
    authorize(principal, subscription, ALLOWED_ROLES[Action.TEST])
    row = await moving.get(session, Endpoint, subscription_id)
    next_state(State(row.status), Action.TEST)


async def tested(
    session: WriteSession,
    principal: Principal,
    receiver: Receiver,
    *,
    passed: bool,
    now: datetime,
) -> Standing:
    """Write down what a test has shown; a receiver that answered becomes active.

    Raises Conflict where the endpoint was changed while it was tested.
    """
    subscription_id = receiver.subscription_id
    subscription = await _begin(session, principal, subscription_id, ALLOWED_ROLES[Action.TEST])
    row = await moving.lock(session, Endpoint, subscription_id)
    if row.revision != receiver.revision:
        raise Conflict(
            "测试期间端点已被修改，请重新测试", "The endpoint changed meanwhile: test it again"
        )
    if passed:
        to = after_test(State(row.status), row.paused_by)
        changed: dict[str, Any] = {"tested_at": now, "changed_at": now}
        if to is State.ACTIVE:
            changed |= {"paused_by": None, "reason": None}
        await moving.move(session, row, to, changed)
        await store.host_works(session, receiver.host)
    facts = {"passed": passed}
    await _record(session, principal.actor, ExchangeEvent.ENDPOINT_TESTED, subscription, facts)
    return await _standing(session, principal, subscription)


async def rotate(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    *,
    overlap_hours: int,
    box: Secretbox,
    now: datetime,
    signature: str | None = None,
) -> Standing:
    """Give another secret, for another signature if one is named.

    The former one signs beside it for so many hours.
    """
    subscription, row, to = await _moving(session, principal, subscription_id, Action.ROTATE)
    present = messages.signature_of(box.decrypt(row.secret).decode())
    secret, until = messages.new_secret(signature or present), now + timedelta(hours=overlap_hours)
    changed = {
        "secret": box.encrypt(secret.encode()),
        "previous_secret": row.secret if overlap_hours else None,
        "previous_until": until if overlap_hours else None,
        "changed_at": now,
    }
    await moving.move(session, row, to, changed)
    facts = {"previous_until": str(until)} if overlap_hours else {}
    await _record(session, principal.actor, ExchangeEvent.ENDPOINT_ROTATED, subscription, facts)
    return replace(await _standing(session, principal, subscription), secret=_told(secret))


async def pause(
    session: WriteSession, principal: Principal, subscription_id: str, *, now: datetime
) -> Standing:
    """Push nothing until it is resumed; what waits is kept in the log."""
    subscription, row, to = await _moving(session, principal, subscription_id, Action.PAUSE)
    changed = {"paused_by": PausedBy.HEAD, "reason": None, "changed_at": now}
    await moving.move(session, row, to, changed)
    facts = {"by": str(PausedBy.HEAD)}
    await _record(session, principal.actor, ExchangeEvent.ENDPOINT_PAUSED, subscription, facts)
    return await _standing(session, principal, subscription)


async def resume(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    *,
    past_gap: bool,
    now: datetime,
) -> Standing:
    """Push again; after a gap of the log only with `past_gap`, from the first record it keeps."""
    subscription, row, to = await _moving(session, principal, subscription_id, Action.RESUME)
    if row.status == State.STOPPED:
        _require_past_gap(past_gap=past_gap)
        await store.past_gap(session, subscription_id)
    changed = {"paused_by": None, "reason": None, "changed_at": now}
    await moving.move(session, row, to, changed)
    facts = {"past_gap": past_gap}
    await _record(session, principal.actor, ExchangeEvent.ENDPOINT_RESUMED, subscription, facts)
    return await _standing(session, principal, subscription)


async def host_state(session: ReadSession, url: str) -> tuple[int, datetime | None]:
    """Return the failures in a row of a URL's host, and until when it is left alone."""
    row = await session.get(Host, host_of(url))
    return (0, None) if row is None else (row.failures, row.open_until)


async def give_up(session: WriteSession, subscription_id: str, *, now: datetime) -> None:
    """Pause an endpoint whose receiver says that it is gone, if it is not paused yet."""
    changed = {"paused_by": PausedBy.PLATFORM, "reason": GONE}
    await _by_itself(session, subscription_id, Action.GIVE_UP, changed, now)


async def stop(session: WriteSession, subscription_id: str, *, now: datetime) -> None:
    """Stop at a gap of the log: nobody is to miss records without knowing it."""
    await _by_itself(session, subscription_id, Action.STOP, {"reason": GAP}, now)


async def _by_itself(
    session: WriteSession,
    subscription_id: str,
    action: Action,
    changed: Mapping[str, Any],
    now: datetime,
) -> None:
    row = await moving.lock(session, Endpoint, subscription_id)
    if row.status != State.ACTIVE:
        return
    subscription = await moving.get(session, Subscription, subscription_id)
    to = next_state(State(row.status), action)
    await moving.move(session, row, to, {**changed, "changed_at": now})
    event = ExchangeEvent.ENDPOINT_PAUSED
    if action is Action.STOP:
        event = ExchangeEvent.ENDPOINT_STOPPED
    facts = {"by": str(PausedBy.PLATFORM), "reason": changed["reason"]}
    await _record(session, SYSTEM, event, subscription, facts)


async def _begin(
    session: WriteSession, principal: Principal, subscription_id: str, permitted: Permitted
) -> Subscription:
    """Lock the subscription, by which its head's acts take turns."""
    subscription = await moving.lock(session, Subscription, subscription_id)
    authorize(principal, subscription, permitted)
    return subscription


async def _moving(
    session: WriteSession, principal: Principal, subscription_id: str, action: Action
) -> tuple[Subscription, Endpoint, State]:
    """Return what an action changes, and where it leads; raises NotFound, IllegalTransition."""
    subscription = await _begin(session, principal, subscription_id, ALLOWED_ROLES[action])
    row = await moving.lock(session, Endpoint, subscription_id)
    return subscription, row, next_state(State(row.status), action)


def _new(subscription_id: str, wanted: Wanted, secret: bytes, now: datetime) -> Endpoint:
    return Endpoint(
        id=subscription_id,
        url=wanted.url,
        format=wanted.format,
        max_records=wanted.max_records,
        max_bytes=wanted.max_bytes,
        secret=secret,
        created_at=now,
        changed_at=now,
    )


async def _change(
    session: WriteSession, present: Endpoint, wanted: Wanted, now: datetime
) -> Endpoint:
    to = State(present.status)
    if wanted.url != present.url:
        to = State.UNTESTED
    changed = {
        "url": wanted.url,
        "format": wanted.format,
        "max_records": wanted.max_records,
        "max_bytes": wanted.max_bytes,
        "changed_at": now,
    }
    if to is State.UNTESTED:
        changed |= {"paused_by": None, "reason": None, "tested_at": None}
    return await moving.move(session, present, to, changed)


def _require_past_gap(*, past_gap: bool) -> None:
    errors = FieldErrors()
    if not past_gap:
        errors.add(
            "past_gap",
            "missing",
            "部分记录已超出保留期；确认跳过缺口后从现存最早记录继续",
            "records are no longer kept: true goes on with the first one that is",
            allowed=["true"],
        )
    errors.raise_if_any()


async def _standing(
    session: ReadSession, principal: Principal, subscription: Subscription
) -> Standing:
    row = await session.get(Endpoint, subscription.id, populate_existing=True)
    if row is None:
        raise NotFound
    possible = actions(State(row.status))
    own = tuple(each for each in possible if may(principal, subscription, ALLOWED_ROLES[each]))
    lanes = tuple(await store.lanes(session, subscription.id))
    return Standing(row, lanes, possible, own)


async def _record(
    session: WriteSession,
    actor: Actor,
    event: ExchangeEvent,
    subscription: Subscription,
    facts: Mapping[str, Any],
) -> None:
    """Audit it, tell the consumer, and let the worker that pushes look again."""
    audit.record(session, actor, event, "subscription", subscription.id, **facts)
    if event in (ExchangeEvent.ENDPOINT_PAUSED, ExchangeEvent.ENDPOINT_STOPPED):
        told = {
            "id": subscription.id,
            "resource_id": subscription.resource_id,
            "client_id": subscription.client_id,
            "consumer_department": subscription.consumer_department,
        }
        outbox.add(session, event, subscription.id, told | dict(facts))
    await announce(session, KIND, subscription.id)
