"""Idempotency-Key on every POST that creates: the first answer is given again (P5).

Whoever asks again is asked for scope and role again, and secrets are not given again: they are
not kept (docs/api.md section 1).
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from auth.principal import Principal, Role, Scope
from gateway.principal import Caller, asked_first, require
from gateway.services import Services, Using, Writing
from kernel import answers
from kernel.database import ReadSession, WriteSession
from kernel.secretbox import Secretbox

CREATED, DONE = 201, 200
# Metadata of a field that is shown in the first answer only.
SHOWN_ONCE: Final = "shown once"
ETAG = "ETag"
View = TypeVar("View", bound=BaseModel)


class Replay(Exception):
    def __init__(self, answer: answers.Answer) -> None:
        super().__init__("replayed")
        self.answer = answer


class Once:
    """Keeps the answer of a request, in the transaction that does what it asks for."""

    def __init__(
        self,
        using: Services,
        session: WriteSession,
        response: Response,
        scope: str,
        key: str | None,
        status: int = CREATED,
    ) -> None:
        self._using, self._session, self._scope, self._key = using, session, scope, key
        self._response, self._status = response, status

    async def keep(self, view: View) -> View:
        """Remember `view` and its ETag as the answer to this key, and return it."""
        if self._key is not None:
            tag = self._response.headers.get(ETAG, "")
            storable = view.model_copy(update=dict.fromkeys(_shown_once(view)))
            answer = answers.Answer(
                self._status, f"{tag}\n{storable.model_dump_json(by_alias=True)}".encode()
            )
            await answers.keep(self._session, self._using.box, self._scope, self._key, answer)
        return view


def _shown_once(view: BaseModel) -> list[str]:
    fields = type(view).model_fields.items()
    return [name for name, field in fields if SHOWN_ONCE in field.metadata]


def owner_of(principal: Principal) -> str:
    """Whose a key is: whoever moved to another department is somebody else to what was done."""
    return f"{principal.kind}:{principal.id}:{principal.department}"


# `answers.first_answer` claims a key that is new, `answers.kept_answer` only looks it up.
Lookup = Callable[[AsyncSession, Secretbox, str, str, bytes], Awaitable[answers.Answer | None]]


class Key:
    """The Idempotency-Key of a request, if it has one."""

    def __init__(
        self,
        request: Request,
        using: Using,
        principal: Caller,
        response: Response,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> None:
        self._request, self._using, self._owner = request, using, owner_of(principal)
        self._response, self._key = response, idempotency_key

    async def answered(self, session: ReadSession) -> None:
        """Raise Replay where the request was answered before, and claim nothing."""
        await self._look_up(answers.kept_answer, session)

    async def claimed(
        self, session: WriteSession, status: int = DONE, *, content: bytes | None = None
    ) -> Once:
        """Claim it in the transaction of the work, which will be answered with `status`.

        `content` stands for a body that is too large to be held.

        Raises Replay where it was answered before, IdempotencyKeyReused, BadRequest.
        """
        await self._look_up(answers.first_answer, session, content)
        return Once(self._using, session, self._response, self._owner, self._key, status)

    async def _look_up(
        self, lookup: Lookup, session: AsyncSession, content: bytes | None = None
    ) -> None:
        if self._key is None:
            return
        answers.check_key(self._key)
        line = f"{self._request.method} {self._request.url.path}\n".encode()
        asked = line + (await self._request.body() if content is None else content)
        answer = await lookup(session, self._using.box, self._owner, self._key, asked)
        if answer is not None:
            raise Replay(answer)


Keyed = Annotated[Key, Depends()]


def creating(scope: Scope, *roles: Role) -> Callable[..., Awaitable[Once]]:
    """Return the dependency of a route that wants the scope and one of the roles.

    The route's own use case asks again for more: this comes before an answer is given again.
    """

    @asked_first(scope, roles)
    async def once(key: Keyed, session: Writing, principal: Caller) -> Once:
        require(principal, scope, roles)
        return await key.claimed(session, CREATED)

    return once


async def acting(key: Keyed, session: Writing) -> Once:
    """Return what keeps the answer of a transition, so that a retry is not refused by the state.

    The route's own use case asked for scope and role when it was answered first; the guard has
    asked for them again.
    """
    return await key.claimed(session)


Acting = Annotated[Once, Depends(acting)]


async def replay(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Replay)  # noqa: S101 - narrows the handler's type
    tag, _, body = error.answer.body.partition(b"\n")
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Replayed": "true",
        "Cache-Control": "no-store",
    }
    if tag:
        headers[ETAG] = tag.decode()
    return Response(body, error.answer.status, headers)
