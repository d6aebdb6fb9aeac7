"""People sign in with name and password; failures slow the next try down, for every name alike.

A password is checked outside any transaction, as that takes long. What it opens, a cookie or a
code, is given in a transaction that locks the person and finds the password still the same.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from auth import failures, opaque, passwords, throttle
from auth.browsers import Browsers
from auth.events import AuthEvent
from auth.failures import Budget
from auth.people import SUBJECT, own
from auth.principal import Principal
from auth.source import NOWHERE, Source
from auth.store import departments, people
from auth.store import sign_ins as store
from auth.tables import Person, SignIn
from kernel import audit
from kernel.actor import Actor
from kernel.database import Database, ReadSession, WriteSession
from kernel.errors import FieldErrors, Text, Unauthorized
from kernel.ids import new_id

UNKNOWN = Actor("person", "unknown")
Entered: TypeAlias = Person
"""Who signed in, locked in the transaction that gives what the password opens."""
NAME_MAX = 256


class WrongPassword(Unauthorized):
    """The same for an unknown name, a wrong password and a suspended person."""

    code = "sign_in_failed"
    title = Text("用户名或口令不正确", "The username or the password is not right")


@dataclass(frozen=True, slots=True)
class Attempt:
    username: str
    password: str = field(repr=False)
    source: Source = NOWHERE


@dataclass(frozen=True, slots=True)
class Checked:
    """Whose password was right, and which one it was: a later one makes this void."""

    person_id: str
    generation: int
    temporary: bool
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gate:
    """Checks passwords; `names_max` names of one source may fail before strangers there wait."""

    database: Database
    browsers: Browsers
    names_max: int

    async def check(self, attempt: Attempt, *, now: datetime) -> Checked:
        """Return whose password it is; raises WrongPassword, TooManySignInAttempts, Unavailable.

        Takes its own transactions: a failure is counted although it is refused. Tries that run
        side by side are not counted against each other, so a guesser gains as many as
        `passwords.EACH_MAX`, once, before the waits begin.
        """
        return await self._check(attempt, AuthEvent.SIGN_IN_FAILED, now)

    async def confirm(
        self, principal: Principal, password: str, source: Source, *, now: datetime
    ) -> Checked:
        """Return the caller's own password as it was found; raises Invalid for a wrong one.

        Wrong ones count as failed sign-ins: a stolen token is no way to guess.
        """
        async with self.database.reading() as session:
            person = await own(session, principal)
        attempt = Attempt(person.username, password, source)
        try:
            return await self._check(attempt, AuthEvent.CONFIRMATION_FAILED, now)
        except WrongPassword:
            errors = FieldErrors()
            errors.add(
                "old_password", "mismatch", "原口令不正确", "does not match the current password"
            )
            errors.raise_if_any()
            raise

    async def _check(self, attempt: Attempt, failed: AuthEvent, now: datetime) -> Checked:
        async with self.database.reading() as session:
            person = await people.named(session, attempt.username[:NAME_MAX])
            budget = self._budget(attempt, person)
            await failures.require_patience(session, budget, names_max=self.names_max, now=now)
            may = person is not None and await _may(session, person)
        right = await passwords.fits(
            person.password_hash if person else None,
            attempt.password,
            source=None if budget.browser else attempt.source.network,
        )
        async with self.database.transaction() as session:
            if person is not None and right and may:
                await failures.clear(session, budget)
            else:
                await _failed(session, budget, person, failed, now)
        if person is None or not (right and may):
            raise WrongPassword
        return Checked(
            person.id, person.generation, person.password_temporary, person.password_hash
        )

    def _budget(self, attempt: Attempt, person: Person | None) -> Budget:
        cookie = attempt.source.browser
        browser = self.browsers.recognised(person.id, cookie) if person else None
        return Budget(attempt.username, attempt.source, browser)


async def _may(session: ReadSession, person: Person) -> bool:
    department = await departments.get(session, person.department)
    active = department is not None and department.status == "active"
    return active and person.status == "active"


async def _failed(
    session: WriteSession, budget: Budget, person: Person | None, event: AuthEvent, now: datetime
) -> None:
    """Count the failure; an unknown name is not recorded, it may be a password typed too early."""
    count = await failures.count(session, budget, now)
    if throttle.is_told(count):
        actor = Actor("person", person.id, person.department) if person else UNKNOWN
        details = {
            "source": budget.source.address,
            "known_browser": budget.browser is not None,
            "failures": count,
        }
        audit.record(session, actor, event, SUBJECT, actor.id, **details)


async def enter(session: WriteSession, checked: Checked, source: Source) -> Person:
    """Lock the person and return it, to be given what the password opens.

    Raises WrongPassword when the password, the person or the department is not what it was.
    """
    person = await people.lock(session, checked.person_id)
    same = (
        person is not None
        and person.password_hash == checked.password_hash
        and person.generation == checked.generation
        and await _may(session, person)
    )
    if person is None or not same:
        raise WrongPassword
    actor = Actor("person", person.id, person.department)
    details = {"source": source.address}
    audit.record(session, actor, AuthEvent.SIGN_IN_SUCCEEDED, SUBJECT, person.id, **details)
    return person


@dataclass(frozen=True, slots=True)
class Cookie:
    """A browser's sign-in; `session` names what began with it."""

    value: str = field(repr=False)
    session: str


@dataclass(frozen=True, slots=True)
class Life:
    """How long a sign-in lasts, at most and while nobody uses it."""

    seconds: int
    idle_seconds: int

    @property
    def idle(self) -> timedelta:
        return timedelta(seconds=self.idle_seconds)


async def remember(
    session: WriteSession,
    person: Person,
    life: Life,
    *,
    now: datetime,
    replacing: str | None = None,
) -> Cookie:
    """Return a cookie that stands for the person.

    Each sign-in has a cookie of its own (against fixation), and the one it replaces ends. Of the
    same person it is the same session, which one sign-out ends.
    """
    name = new_id()
    if replacing:
        before = await store.person_of(session, opaque.digest(replacing), now, life.idle)
        if before is not None:
            await store.remove(session, opaque.digest(replacing))
            name = before[0].session if before[1].id == person.id else name
    cookie = opaque.new()
    row = SignIn(
        digest=opaque.digest(cookie),
        person_id=person.id,
        generation=person.generation,
        session=name,
        created_at=now,
        used_at=now,
        expires_at=now + timedelta(seconds=life.seconds),
    )
    await store.add(session, row)
    return Cookie(cookie, name)


async def remembered(
    session: WriteSession, cookie: str, life: Life, *, now: datetime
) -> tuple[Person, str] | None:
    """Return who signed in with this browser and the name of the session, unless it ended.

    Asking counts as use: a sign-in that is used does not idle.
    """
    digest = opaque.digest(cookie)
    found = await store.person_of(session, digest, now, life.idle)
    if found is None:
        return None
    await store.use(session, digest, now)
    return found[1], found[0].session
