"""The console's session in a browser: an encrypted cookie with tokens of the platform's own OAuth.

Nothing of it is kept on the server but what OAuth keeps: the family of tokens, which a sign-out, a
suspension or a new password ends on every worker.
"""

import hmac
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

import orjson
from cryptography.fernet import InvalidToken
from fastapi import Request
from starlette.responses import Response

from kernel.secretbox import Secretbox, mac
from kernel.settings import Settings

SESSION = "shuyuan_console"
FLOW = "shuyuan_console_flow"
COOKIE_MAX = 4096
FLOW_SECONDS = 600
# A page that is looked at does not write a cookie each time.
TOUCH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, since when and last seen when (seconds since 1970).

    `acting` is the department for which the person acts by delegation, empty for their own.
    """

    person: str
    name: str
    department: str
    department_name: str
    began_at: int
    used_at: int
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    acting: str = ""

    def lives(self, now: datetime, settings: Settings) -> bool:
        """Whether it was used within the idle time, and began within the whole one."""
        seconds = int(now.timestamp())
        idle, whole = settings.sign_in_idle_seconds, settings.refresh_token_seconds
        return seconds - self.used_at < idle and seconds - self.began_at < whole

    def touched(self, now: datetime) -> "Session":
        """Return the session as used now; itself where that was told a moment ago."""
        seconds = int(now.timestamp())
        return self if seconds - self.used_at < TOUCH_SECONDS else replace(self, used_at=seconds)


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in under way: what the callback must bring, and where the person wanted to go."""

    state: str
    verifier: str = field(repr=False)
    then: str
    begun_at: int


Kept = TypeVar("Kept", Session, Flow)


def _mixed(pad: bytes, content: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(pad, content, strict=False))


@dataclass(frozen=True, slots=True)
class Cookies:
    """Reads and writes both cookies of one platform."""

    box: Secretbox
    settings: Settings

    def session(self, request: Request) -> Session | None:
        """Return the session as it stands in the cookie, whether or not it has ended."""
        return self._read(request, SESSION, Session)

    def flow(self, request: Request) -> Flow | None:
        return self._read(request, FLOW, Flow)

    def keep(self, response: Response, session: Session) -> None:
        self._write(response, SESSION, session, None)

    def begin(self, response: Response, flow: Flow) -> None:
        self._write(response, FLOW, flow, FLOW_SECONDS)

    def forget(self, response: Response, name: str) -> None:
        response.delete_cookie(
            self._name(name), path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def form_token(self, person: str) -> str:
        """Return what forms of the person hold: a form outlives the session that it came in.

        It looks different each time: pages are compressed, and their length would give away what
        stays the same to whoever can have words of their choice beside it (BREACH).
        """
        proof = self._proof(person)
        pad = secrets.token_bytes(len(proof))
        return (pad + _mixed(pad, proof)).hex()

    def proves(self, person: str, token: object) -> bool:
        """Whether a form came with a token that one of the person's pages held."""
        try:
            given = bytes.fromhex(str(token))
        except ValueError:
            return False
        pad, hidden = given[: len(given) // 2], given[len(given) // 2 :]
        return hmac.compare_digest(_mixed(pad, hidden), self._proof(person))

    def _proof(self, person: str) -> bytes:
        return mac(self.box.derive("console-form"), person.encode())

    def _read(self, request: Request, name: str, kind: type[Kept]) -> Kept | None:
        value = request.cookies.get(self._name(name))
        if not value or len(value) > COOKIE_MAX or not value.isascii():
            return None
        try:
            return kind(**orjson.loads(self.box.decrypt(value.encode())))
        except (InvalidToken, TypeError, ValueError):
            return None

    def _write(
        self, response: Response, name: str, value: Session | Flow, seconds: int | None
    ) -> None:
        sealed = self.box.encrypt(orjson.dumps(asdict(value))).decode()
        response.set_cookie(
            self._name(name), sealed, seconds, path="/", secure=self._secure, httponly=True,
            samesite="lax",
        )  # fmt: skip

    @property
    def _secure(self) -> bool:
        """Inner networks speak plain HTTP, where a browser drops what is marked `Secure`."""
        return urlsplit(self.settings.base_url).scheme == "https"

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self._secure else name
