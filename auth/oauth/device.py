"""Devices without a browser (RFC 8628): they ask for codes; a person decides elsewhere."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from auth import failures, opaque, throttle
from auth.errors import TooManySignInAttempts
from auth.events import AuthEvent
from auth.failures import Budget
from auth.oauth import public_client, user_codes
from auth.oauth.client_authentication import Asking
from auth.oauth.errors import InvalidClient, TooManyFailures, UnauthorizedClientError
from auth.oauth.scopes import check_resource, granted
from auth.sign_in import Checked, Life
from auth.source import Source
from auth.store import devices, people, sign_ins
from auth.tables import DeviceCode, Person
from kernel import audit, locks
from kernel.actor import Actor
from kernel.database import Database, ReadSession, WriteSession
from kernel.errors import Invalid, Text, Unavailable
from kernel.ids import new_id
from kernel.secretbox import Secretbox, mac

SECONDS = 600
INTERVAL_SECONDS = 5
PATH = "/oauth/device"
# Codes that have not ended: of one address or household, and of all. Offices share an address.
OPEN_OF_NETWORK_MAX = 30
OPEN_MAX = 10_000
# Two codes at once are one in millions; three in a row are a fault.
TRIES = 3
THING = "device_code"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a device asks for: which scope, from where, since when."""

    scope: str
    address: str
    asked_at: datetime


class UnknownUserCode(Invalid):
    title = Text("代码不存在、已使用或已过期", "The code is unknown, was used, or has ended")


class SignInEnded(Invalid):
    title = Text("登录已结束，请重新登录", "The sign-in has ended; sign in again")


async def begin(database: Database, asking: Asking, issuer: str, now: datetime) -> dict[str, Any]:
    """Return the codes of a new request (RFC 8628 section 3.2); raises OAuth2Error."""
    scope = _asked(asking, issuer)
    async with database.transaction() as session:
        await locks.hold(session, locks.Lock.DEVICE_CODES)
        await _require_room(session, asking.source, now)
        code, user_code = await _new(session, asking.source, scope, now)
    address, shown = f"{issuer}{PATH}", user_codes.shown(user_code)
    return {
        "device_code": code,
        "user_code": shown,
        "verification_uri": address,
        "verification_uri_complete": f"{address}?user_code={shown}",
        "expires_in": SECONDS,
        "interval": INTERVAL_SECONDS,
    }


def _asked(asking: Asking, issuer: str) -> str:
    """Return the scope that is asked for; no secret is looked at, so none can be guessed here."""
    form = asking.form
    form.refuse_repeated()
    if asking.authorization is not None or form.get("client_assertion"):
        raise UnauthorizedClientError(
            "该方式供人员经 shuyuan-cli 使用", "The grant is for people, by way of shuyuan-cli."
        )
    if form.need("client_id") != public_client.CLIENT_ID:
        raise InvalidClient("未知的客户端", "The client is unknown.")
    check_resource(form.get("resource"), issuer)
    return granted(form.get("scope"), public_client.SCOPES)


async def _require_room(session: WriteSession, source: Source, now: datetime) -> None:
    of_network = await devices.count_open(session, now, source.network)
    if of_network >= OPEN_OF_NETWORK_MAX or await devices.count_open(session, now) >= OPEN_MAX:
        raise TooManyFailures(
            "未完成的设备登录过多，请稍后再试",
            "Too many devices are waiting; try again later.",
            retry_after_seconds=SECONDS // 10,
        )


async def _new(session: WriteSession, source: Source, scope: str, now: datetime) -> tuple[str, str]:
    for _ in range(TRIES):
        code, user_code = opaque.new(), user_codes.new()
        row = DeviceCode(
            digest=opaque.digest(code),
            user_digest=opaque.digest(user_code),
            client_id=public_client.CLIENT_ID,
            scope=scope,
            address=source.address,
            network=source.network,
            created_at=now,
            expires_at=now + timedelta(seconds=SECONDS),
            interval_seconds=INTERVAL_SECONDS,
            family=new_id(),
        )
        if await devices.add(session, row):
            return code, user_code
    raise Unavailable


async def require_known(
    database: Database, checked: Checked, user_code: str, source: Source, now: datetime
) -> None:
    """Raise UnknownUserCode for a code that nothing waits for: counted by source, and told.

    Raises TooManySignInAttempts while whoever guesses from there has to wait. Takes its own
    transactions: a wrong guess is counted although it is refused.
    """
    budget = _guesses(source)
    async with database.reading() as session:
        wait = await failures.wait_of(session, budget, now)
        if wait:
            raise TooManySignInAttempts(retry_after_seconds=wait)
        if await _named(session, user_code, now) is not None:
            return
    async with database.transaction() as session:
        guesses = await failures.count_alone(session, budget, now)
        if throttle.is_told(guesses):
            person = await people.get(session, checked.person_id)
            actor = Actor("person", checked.person_id, person.department if person else None)
            details = {"source": source.address, "failures": guesses}
            audit.record(session, actor, AuthEvent.DEVICE_UNKNOWN, THING, "unknown", **details)
    raise UnknownUserCode


def _guesses(source: Source) -> Budget:
    return Budget("user codes of devices", source)


async def _named(session: ReadSession, user_code: str, now: datetime) -> DeviceCode | None:
    code = user_codes.typed(user_code)
    return await devices.named(session, opaque.digest(code), now) if code else None


async def waiting(session: ReadSession, user_code: str, now: datetime) -> Waiting:
    """Return the request that waits for a decision; raises UnknownUserCode."""
    found = await _require(session, user_code, now)
    return Waiting(found.scope, found.address, found.created_at)


async def _require(session: ReadSession, user_code: str, now: datetime) -> DeviceCode:
    found = await _named(session, user_code, now)
    if found is None:
        raise UnknownUserCode
    return found


def form_token(box: Secretbox, cookie: str, user_code: str) -> str:
    """Return what the form of a decision holds: only who signed in for this code was shown it."""
    key = box.derive("device-decision-form")
    return mac(key, cookie.encode(), user_codes.typed(user_code).encode()).hex()


def is_form_token(box: Secretbox, cookie: str, user_code: str, token: str) -> bool:
    return hmac.compare_digest(form_token(box, cookie, user_code).encode(), token.encode())


async def decide(
    session: WriteSession,
    cookie: str,
    life: Life,
    user_code: str,
    source: Source,
    *,
    approved: bool,
    now: datetime,
) -> None:
    """Let the device have the person's tokens, or refuse it; raises SignInEnded, UnknownUserCode.

    The person is locked: a sign-out or a new password comes before or after.
    """
    person, name = await _signed_in(session, cookie, life, now)
    code = await _require(session, user_code, now)
    to, facts = "denied", dict[str, Any]()
    if approved:
        to = "approved"
        facts = {"person_id": person.id, "generation": person.generation, "session": name}
    if not await devices.move(session, code.digest, "pending", to, facts):
        raise UnknownUserCode
    actor = Actor("person", person.id, person.department)
    event = AuthEvent.DEVICE_APPROVED if approved else AuthEvent.DEVICE_DENIED
    details = {"source": source.address, "asked_from": code.address, "scope": code.scope}
    audit.record(session, actor, event, THING, code.family, **details)


async def _signed_in(
    session: WriteSession, cookie: str, life: Life, now: datetime
) -> tuple[Person, str]:
    """Lock who signed in with the cookie; return the person and the name of the session."""
    digest = opaque.digest(cookie)
    found = await sign_ins.person_of(session, digest, now, life.idle)
    if found is None:
        raise SignInEnded
    await people.lock(session, found[1].id)
    still = await sign_ins.person_of(session, digest, now, life.idle)
    if still is None:
        raise SignInEnded
    return still[1], still[0].session
