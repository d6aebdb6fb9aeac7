"""Where a person signs in by a form; subclasses say what for."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from starlette.responses import Response

from auth import first_password, people, sign_in
from auth.browsers import Browsers
from auth.errors import TooManySignInAttempts
from auth.oauth.authorization import Filled, filled
from auth.oauth.form import Parameters
from auth.sign_in import Attempt, Checked, Cookie, Entered, Gate, Life, WrongPassword
from gateway.oauth.browser import Browser
from gateway.services import Services
from kernel import clock
from kernel.database import WriteSession
from kernel.errors import Invalid, ShuyuanError, Unavailable
from kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Desk(ABC):
    """One form that came in."""

    using: Services
    browser: Browser

    @abstractmethod
    def form(self, *, username: str = "", error: ShuyuanError | None = None) -> Response:
        """Return the sign-in form, with what was wrong before."""

    @abstractmethod
    def new_password(self, ticket: str, *, error: ShuyuanError | None = None) -> Response:
        """Return the form that asks for another password than the temporary one."""

    @abstractmethod
    async def check(self, checked: Checked) -> None:
        """Raise Invalid where there is nothing to sign in for."""

    @abstractmethod
    async def entered(self, session: WriteSession, person: Entered, cookie: Cookie) -> Response:
        """Return what whoever signed in gets, in the transaction of the sign-in."""

    async def answer(self, form: Parameters) -> Response:
        """Take a form that was sent: name and password, or the password that replaces one."""
        fields = filled(form)
        return await (self._set_password(fields) if fields.ticket else self._sign_in(fields))

    async def _sign_in(self, fields: Filled) -> Response:
        attempt = Attempt(fields.username, fields.password, self.browser.source)
        try:
            checked = await gate(self.using).check(attempt, now=clock.now())
            await self.check(checked)
            if checked.temporary:
                ticket = first_password.ticket(self.using.box, checked, clock.now())
                return self.new_password(ticket)
            return await self._let_in(checked)
        except (Invalid, WrongPassword, TooManySignInAttempts, Unavailable) as error:
            return self.form(username=fields.username, error=error)

    async def _set_password(self, fields: Filled) -> Response:
        """Take the password that replaces a temporary one, and let the person in."""
        database, box = self.using.database, self.using.box
        try:
            checked = await first_password.redeemed(database, box, fields.ticket, clock.now())
            await self.check(checked)
            hashed = await first_password.chosen(
                database, checked, fields.new_password, fields.new_password_again
            )
            return await self._let_in(checked, hashed)
        except (Invalid, TooManySignInAttempts, Unavailable) as error:
            return self.new_password(fields.ticket, error=error)
        except WrongPassword as error:
            return self.form(error=error)

    async def _let_in(self, checked: Checked, new_hash: str = "") -> Response:
        """Give the cookie; raises WrongPassword when the password was changed meanwhile."""
        settings, now = self.using.settings, clock.now()
        async with self.using.database.transaction() as session:
            person = await sign_in.enter(session, checked, self.browser.source)
            if new_hash:
                await people.replace_temporary(session, person, new_hash, now=now)
            cookie = await sign_in.remember(
                session, person, life(settings), now=now, replacing=self.browser.cookie
            )
            response = await self.entered(session, person, cookie)
        self.browser.keep(response, cookie.value, settings.refresh_token_seconds)
        self.browser.recognise(response, Browsers(self.using.box).mark(person.id))
        return response


def gate(using: Services) -> Gate:
    """Return what checks passwords on this platform."""
    names = using.settings.sign_in_names_per_source
    return Gate(using.database, Browsers(using.box), names)


def life(settings: Settings) -> Life:
    return Life(settings.refresh_token_seconds, settings.sign_in_idle_seconds)
