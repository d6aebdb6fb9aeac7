"""Idempotency-Key on every POST that creates: the first answer is given again (P5)."""

from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from gateway.principal import Caller
from gateway.services import Services, Using, Writing
from kernel import answers
from kernel.database import WriteSession

CREATED = 201
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
            answer = answers.Answer(CREATED, f"{tag}\n{view.model_dump_json()}".encode())
            await answers.keep(self._session, self._using.box, self._scope, self._key, answer)
        return view


async def _once(
    request: Request,
    using: Using,
    session: Writing,
    principal: Caller,
    response: Response,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Once:
    scope = f"{principal.kind}:{principal.id}"
    if idempotency_key is not None:
        answers.check_key(idempotency_key)
        said = f"{request.method} {request.url.path}\n".encode() + await request.body()
        kept = await answers.first_answer(session, using.box, scope, idempotency_key, said)
        if kept is not None:
            raise Replay(kept)
    return Once(using, session, response, scope, idempotency_key)


async def replay(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Replay)  # noqa: S101 - narrows the handler's type
    tag, _, body = error.answer.body.partition(b"\n")
    # The body may hold a secret, as the first answer did.
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Replayed": "true",
        "Cache-Control": "no-store",
    }
    if tag:
        headers[ETAG] = tag.decode()
    return Response(body, error.answer.status, headers)


Creating = Annotated[Once, Depends(_once)]
