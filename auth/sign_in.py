"""People sign in with name and password; failures slow the next try down, for every name alike."""

from datetime import datetime, timedelta

from auth import opaque, passwords, throttle
from auth.errors import TooManySignInAttempts
from auth.events import AuthEvent
from auth.people import SUBJECT, own
from auth.principal import Principal
from auth.store import departments, people
from auth.store import sign_ins as store
from auth.tables import Person, SignIn
from kernel import audit
from kernel.actor import Actor
from kernel.database import Database, ReadSession, WriteSession
from kernel.errors import FieldErrors, Text, Unauthorized

UNKNOWN = Actor("person", "unknown")
NAME_MAX = 256


class WrongPassword(Unauthorized):
    """The same for an unknown name, a wrong password and a suspended person."""

    code = "sign_in_failed"
    title = Text("用户名或口令不正确", "The username or the password is not right")


async def sign_in(database: Database, username: str, password: str, *, now: datetime) -> Person:
    """Return the person; raises WrongPassword, TooManySignInAttempts.

    Takes its own transactions: a failure is counted although it is refused, and no connection
    is held while Argon2 works. Tries that run side by side are not counted against each other,
    so a guesser gains as many as `passwords.WAITING_MAX`, once, before the waits begin.
    """
    async with database.reading() as session:
        await _wait(session, username, now)
        person = await people.named(session, username[:NAME_MAX])
        may = person is not None and await _may(session, person)
    right = await passwords.fits(person.password_hash if person else None, password)
    async with database.transaction() as session:
        if person is None or not (right and may):
            await _failed(session, username, person, now)
        else:
            await _succeeded(session, username, person)
    if person is None or not (right and may):
        raise WrongPassword
    return person


async def confirm(
    database: Database, principal: Principal, password: str, *, now: datetime
) -> None:
    """Raise Invalid unless it is the caller's password; wrong ones count as failed sign-ins."""
    async with database.reading() as session:
        person = await own(session, principal)
    try:
        await sign_in(database, person.username, password, now=now)
    except WrongPassword:
        errors = FieldErrors()
        errors.add("old_password", "mismatch", "原口令不正确", "is not the present password")
        errors.raise_if_any()


async def _wait(session: ReadSession, username: str, now: datetime) -> None:
    """Raise TooManySignInAttempts while the name must wait, whether or not it exists."""
    found = await store.failures(session, opaque.digest(username))
    wait = throttle.wait_seconds(found.failures, found.last_at, now) if found else 0
    if wait:
        raise TooManySignInAttempts(retry_after_seconds=wait)


async def _may(session: ReadSession, person: Person) -> bool:
    department = await departments.get(session, person.department)
    active = department is not None and department.status == "active"
    return active and person.status == "active"


async def _failed(
    session: WriteSession, username: str, person: Person | None, now: datetime
) -> None:
    """Count the failure; an unknown name is not recorded, it may be a password typed too early."""
    await store.count_failure(session, opaque.digest(username), now)
    actor = Actor("person", person.id, person.department) if person else UNKNOWN
    audit.record(session, actor, AuthEvent.SIGN_IN_FAILED, SUBJECT, actor.id)


async def _succeeded(session: WriteSession, username: str, person: Person) -> None:
    await store.clear_failures(session, opaque.digest(username))
    actor = Actor("person", person.id, person.department)
    audit.record(session, actor, AuthEvent.SIGN_IN_SUCCEEDED, SUBJECT, person.id)


async def remember(
    session: WriteSession,
    person: Person,
    *,
    seconds: int,
    now: datetime,
    replacing: str | None = None,
) -> str:
    """Return the value of a cookie that stands for the person during `seconds`.

    Each sign-in has a cookie of its own (against fixation); the one it replaces ends.
    """
    if replacing:
        await forget(session, replacing, now=now)
    cookie = opaque.new()
    row = SignIn(
        digest=opaque.digest(cookie),
        person_id=person.id,
        generation=person.generation,
        created_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    await store.add(session, row)
    return cookie


async def remembered(session: ReadSession, cookie: str, *, now: datetime) -> Person | None:
    """Return who signed in with this browser, unless that ended."""
    return await store.person_of(session, opaque.digest(cookie), now)


async def forget(session: WriteSession, cookie: str, *, now: datetime) -> None:
    """Sign the browser out."""
    person = await remembered(session, cookie, now=now)
    if person is not None:
        await store.remove(session, opaque.digest(cookie))
        actor = Actor("person", person.id, person.department)
        audit.record(session, actor, AuthEvent.SIGNED_OUT, SUBJECT, person.id)
