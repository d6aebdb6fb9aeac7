"""Idempotency-Key on every POST that creates: the first answer is given again (P5).

Whoever asks again is asked for scope and role again, and secrets are not given again: they are
not kept (docs/api.md section 1).
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from fastapi import Header, Request, Response
from pydantic import BaseModel

from auth.principal import Role, Scope
from gateway.principal import Caller
from gateway.services import Services, Using, Writing
from kernel import answers
from kernel.database import WriteSession

CREATED = 201
# Metadata of a field that is shown in the first answer only.
SHOWN_ONCE: Final = "shown once"
ETAG = "ETag"
View = TypeVar("View", bound=BaseModel)


class Replay(Exception):
    def __init__(self, answer: answers.Answer) -> None:
        super().__init__("replayed")
        self.answer = answer


class Once:
    """Keeps the answer of a creating request, in the transaction that creates."""

    def __init__(
        self,
        using: Services,
        session: WriteSession,
        response: Response,
        scope: str,
        key: str | None,
    ) -> None:
        self._using, self._session, self._scope, self._key = using, session, scope, key
        self._response = response

    async def keep(self, view: View) -> View:
        """Remember `view` and its ETag as the answer to this key, and return it."""
        if self._key is not None:
            tag = self._response.headers.get(ETAG, "")
            kept = view.model_copy(update=dict.fromkeys(_shown_once(view)))
            answer = answers.Answer(CREATED, f"{tag}\n{kept.model_dump_json()}".encode())
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
        # Of one department: whoever moved to another one is somebody else to what was created.
        owner = f"{principal.kind}:{principal.id}:{principal.department}"
        if idempotency_key is not None:
            answers.check_key(idempotency_key)
            said = f"{request.method} {request.url.path}\n".encode() + await request.body()
            kept = await answers.first_answer(session, using.box, owner, idempotency_key, said)
            if kept is not None:
                raise Replay(kept)
        return Once(using, session, response, owner, idempotency_key)

    return once


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
