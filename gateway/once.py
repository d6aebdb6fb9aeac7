"""Idempotency-Key on every POST that creates: the first answer is given again (P5).

Whoever asks again is asked for scope and role again, and secrets are not given again: they are
not kept (docs/api.md section 1).
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from auth.principal import Principal, Role, Scope
from gateway.principal import Caller
from gateway.services import Services, Using, Writing
from kernel import answers
from kernel.database import ReadSession, WriteSession

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
            kept = view.model_copy(update=dict.fromkeys(_shown_once(view)))
            answer = answers.Answer(self._status, f"{tag}\n{kept.model_dump_json()}".encode())
            await answers.keep(self._session, self._using.box, self._scope, self._key, answer)
        return view


def _shown_once(view: BaseModel) -> list[str]:
    fields = type(view).model_fields.items()
    return [name for name, field in fields if SHOWN_ONCE in field.metadata]


def creating(scope: Scope, *roles: Role) -> Callable[..., Awaitable[Once]]:
    """Return the dependency of a route that wants the scope and one of the roles.

    The route's own use case asks again for more: this comes before an answer is given again.
    """

    async def once(
        request: Request,
        using: Using,
        session: Writing,
        principal: Caller,
        response: Response,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Once:
        principal.require_scope(scope)
        principal.require_role(*roles)
        if roles == (Role.AUTHORITY,):
            principal.require_authority(principal.region_code)
        await claim(using, session, principal, request, idempotency_key)
        return Once(using, session, response, owner_of(principal), idempotency_key)

    # The guard asks for them before a body is read.
    once.wanted_scope = scope  # type: ignore[attr-defined]
    once.wanted_roles = roles  # type: ignore[attr-defined]
    return once


def owner_of(principal: Principal) -> str:
    """Whose a key is: whoever moved to another department is somebody else to what was done."""
    return f"{principal.kind}:{principal.id}:{principal.department}"


async def claim(
    using: Services,
    session: WriteSession,
    principal: Principal,
    request: Request,
    key: str | None,
) -> None:
    """Claim the key of a request, if it has one; raises Replay where it was answered before."""
    if key is None:
        return
    answers.check_key(key)
    said = await _said(request)
    kept = await answers.first_answer(session, using.box, owner_of(principal), key, said)
    if kept is not None:
        raise Replay(kept)


async def _said(request: Request) -> bytes:
    return f"{request.method} {request.url.path}\n".encode() + await request.body()


async def acting(
    request: Request,
    using: Using,
    session: Writing,
    principal: Caller,
    response: Response,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Once:
    """Return what keeps the answer of a transition, so that a retry is not refused by the state.

    The route's own use case asked for scope and role when it was answered first; the guard has
    asked for them again.
    """
    await claim(using, session, principal, request, idempotency_key)
    return Once(using, session, response, owner_of(principal), idempotency_key, DONE)


Acting = Annotated[Once, Depends(acting)]


class Key:
    """The Idempotency-Key of a transition whose route opens its own transaction."""

    def __init__(
        self,
        request: Request,
        using: Using,
        principal: Caller,
        response: Response,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> None:
        self._request, self._using, self._principal = request, using, principal
        self._response, self._key = response, idempotency_key

    async def answered(self, session: ReadSession) -> None:
        """Raise Replay where the request was answered before, and claim nothing."""
        if self._key is not None:
            answers.check_key(self._key)
            said = await _said(self._request)
            owner = owner_of(self._principal)
            kept = await answers.kept_answer(session, self._using.box, owner, self._key, said)
            if kept is not None:
                raise Replay(kept)

    async def claimed(self, session: WriteSession) -> Once:
        """Claim it in the transaction of the work; raises Replay where it was answered before."""
        return await acting(
            self._request, self._using, session, self._principal, self._response, self._key
        )


Keyed = Annotated[Key, Depends()]


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
