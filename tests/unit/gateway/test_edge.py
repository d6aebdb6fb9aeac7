import asyncio
from collections.abc import MutableMapping
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from fastapi import Depends, FastAPI, Request

from auth.errors import TokenInvalid
from gateway import edge, problems
from gateway.correlation import correlation_of
from gateway.edge import BODY_MAX, Edge
from gateway.guard import Guard, Pace
from gateway.problems import problem
from gateway.validation import unreadable
from kernel.errors import Forbidden, ShuyuanError, TooMany, Unavailable
from kernel.settings import load

Message = dict[str, Any]


class App:
    """Reads its whole body and answers with how long it was."""

    def __init__(self, error: Exception | None = None) -> None:
        self.seen = b""
        self.calls = 0
        self._error = error

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        self.calls += 1
        more = True
        while more:
            message = await receive()
            self.seen += message.get("body", b"")
            more = message.get("more_body", False)
        if self._error is not None:
            raise self._error
        await send({"type": "http.response.start", "status": 200, "headers": [(b"etag", b"1")]})
        await send({"type": "http.response.body", "body": b""})


def scope(method: str = "POST", path: str = "/v1/standards", **headers: str) -> Message:
    named = {"content-type": "application/json", **headers}
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in named.items()
        ],
    }


async def answered(
    app: App, asked: Message, *parts: bytes
) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Message] = []
    bodies = list(parts) or [b""]

    async def receive() -> Message:
        body = bodies.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(bodies)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    await Edge(app)(asked, receive, send)
    start, body = sent
    return start["status"], dict(start["headers"]), body["body"]


async def test_every_answer_is_marked_beside_its_own_headers() -> None:
    status, headers, _ = await answered(App(), scope(exchange_correlation_id="mine"))
    assert status == 200
    assert headers[b"etag"] == b"1"
    assert headers[b"exchange-correlation-id"] == b"mine"
    assert headers[b"exchange-worker"]


@pytest.mark.parametrize("given", ["", "-", "a b", "a_b", "é", "x" * 65, "a\n"])
def test_only_a_short_plain_correlation_id_is_taken(given: str) -> None:
    taken = correlation_of({b"exchange-correlation-id": given.encode("latin-1")})
    assert taken != given
    assert len(taken) == 32


async def test_what_is_announced_as_too_large_never_reaches_the_app() -> None:
    app = App()
    status, _, body = await answered(app, scope(content_length=str(BODY_MAX + 1)))
    assert (status, orjson.loads(body)["code"]) == (413, "body_too_large")
    assert app.calls == 0


async def test_a_body_without_a_length_is_stopped_at_the_limit() -> None:
    app = App()
    part = b"x" * (BODY_MAX // 4)
    status, _, body = await answered(app, scope(transfer_encoding="chunked"), *[part] * 8)
    assert (status, orjson.loads(body)["code"]) == (413, "body_too_large")
    assert len(app.seen) <= BODY_MAX


async def test_a_length_that_lies_is_counted_all_the_same() -> None:
    part = b"x" * BODY_MAX
    status, _, _ = await answered(App(), scope(content_length="5"), part, part)
    assert status == 413


async def test_only_an_edition_of_a_code_list_may_be_larger() -> None:
    part = b"x" * BODY_MAX
    path = "/v1/code-lists/GB/T 2260/editions"
    status, _, _ = await answered(
        App(), scope(path=path, content_length=str(3 * BODY_MAX)), part, part
    )
    assert status == 200


@pytest.mark.parametrize(
    ("method", "path", "media", "status"),
    [
        ("POST", "/v1/standards", "application/json; charset=utf-8", 200),
        ("PATCH", "/v1/people/1", "application/merge-patch+json", 200),
        ("POST", "/oauth/token", "application/x-www-form-urlencoded", 200),
        ("POST", "/v1/resources/1/validate", "application/x-ndjson", 200),
        ("GET", "/v1/standards", "text/plain", 200),
        ("POST", "/v1/standards", "text/plain", 415),
        ("POST", "/v1/standards", "application/jsonx", 415),
        ("POST", "/v1/standards", "", 415),
        ("PUT", "/v1/resources/1", "application/x-ndjson", 415),
        ("POST", "/oauth/token", "application/json", 415),
    ],
)
async def test_each_path_takes_its_own_media(
    method: str, path: str, media: str, status: int
) -> None:
    asked = scope(method, path, content_length="2", content_type=media)
    assert (await answered(App(), asked, b"{}"))[0] == status


async def test_a_post_without_a_body_needs_no_media() -> None:
    asked = scope(content_length="0", content_type="")
    assert (await answered(App(), asked))[0] == 200


@pytest.mark.parametrize("place", [{"path": "/v1/a\x00b"}, {"query_string": b"q=%00"}])
async def test_a_nul_never_reaches_the_app(place: Message) -> None:
    app = App()
    status, _, body = await answered(app, scope("GET") | place)
    assert (status, orjson.loads(body)["code"]) == (400, "invalid_parameter")
    assert app.calls == 0


async def test_an_answer_says_what_a_browser_must_not_guess() -> None:
    """`/docs` and `/openapi.json` once said nothing of it, and reads might be kept (F21)."""
    _, headers, _ = await answered(App(), scope("GET"))
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")


@pytest.mark.parametrize("coding", ["gzip", "br"])
async def test_a_coded_body_is_not_taken_where_nobody_decodes(coding: str) -> None:
    app = App()
    asked = scope(content_length="2", content_encoding=coding)
    status, headers, _ = await answered(app, asked, b"{}")
    assert (status, headers[b"accept-encoding"]) == (415, b"identity")
    assert app.calls == 0


class Door:
    """Services that know one token, and remember when they were asked."""

    def __init__(self, scopes: str = "catalog:read") -> None:
        self.asked = 0
        self.tokens = self
        self.restore = SimpleNamespace(require_not_restored=lambda: None)
        self.settings = load()
        turns = SimpleNamespace(asks=lambda _who: None)
        self.bus = SimpleNamespace(reader=SimpleNamespace(turns=turns))
        self.principal = SimpleNamespace(id="known", require_scope=self._require)
        self._scopes = scopes

    def _require(self, wanted: str) -> None:
        if wanted not in self._scopes:
            raise Forbidden

    def cached(self, token: bytes) -> Any:  # noqa: ANN401
        self.asked += 1
        if token != b"good":
            raise TokenInvalid
        return self.principal


async def guarded(door: Door, asked: Message, app: Any = None) -> tuple[int, str, list[Message]]:  # noqa: ANN401
    """Ask through a guard; return status, code and what was read of the body."""
    read: list[Message] = []
    sent: list[Message] = []
    app = app or framework()

    async def receive() -> Message:
        read.append({"type": "http.request", "body": b"[[[", "more_body": False})
        return read[-1]

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    services: Any = door
    await Edge(app, Guard(app, lambda: services))(asked | {"http_version": "1.1"}, receive, send)
    body = orjson.loads(sent[1]["body"])
    return sent[0]["status"], body["code"], read


@pytest.mark.parametrize("path", ["/v1/parsed", "/v1/raw", "/v1/nowhere"])
async def test_the_caller_is_known_before_the_body_is_read(path: str) -> None:
    """Eight megabytes of anybody's were once read and parsed first (C4, F8)."""
    status, code, read = await guarded(Door(), scope(path=path, content_length="3"))
    assert (status, code, read) == (401, "token_missing", [])
    asked = scope(path=path, content_length="3", authorization="Bearer other")
    assert (await guarded(Door(), asked))[:2] == (401, "token_invalid")


async def test_a_token_without_the_scope_is_refused_before_the_body_is_read() -> None:
    asked = scope(path="/v1/scoped", content_length="3", authorization="Bearer good")
    status, code, read = await guarded(Door("catalog:read"), asked)
    assert (status, code, read) == (403, "role_required", [])
    status, code, read = await guarded(Door("catalog:write"), asked)
    assert (status, code, len(read)) == (400, "malformed_json", 1)


async def test_who_asks_too_often_is_held_off_before_anything_is_read() -> None:
    pace = Pace(per_second=1, burst=3)
    for _time in range(4):
        pace.take("one")
    with pytest.raises(TooMany):
        pace.take("one")
    pace.take("another")


async def test_what_is_no_request_goes_through() -> None:
    """Lifespan messages, for one, have neither headers nor a path."""
    passed = asyncio.Event()

    async def app(given: Any, _receive: Any, _send: Any) -> None:  # noqa: ANN401
        assert given["type"] == "lifespan"
        passed.set()

    await Edge(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert passed.is_set()


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(Unavailable(), "1"), (TooMany(retry_after_seconds=7), "7")],
)
def test_a_refusal_that_passes_says_when_to_come_back(error: ShuyuanError, seconds: str) -> None:
    status, headers, _ = problem(error, instance="/", english=True)
    assert status in (429, 503)
    assert headers["Retry-After"] == seconds


async def writer() -> None:
    """Stand for a dependency that wants a scope."""


writer.wanted_scope = "catalog:write"  # type: ignore[attr-defined]


def framework() -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.post("/parsed")
    async def parsed(body: dict[str, int]) -> dict[str, int]:
        return body

    @app.post("/v1/scoped", dependencies=[Depends(writer)])
    async def scoped(body: dict[str, int]) -> dict[str, int]:
        return body

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    return app


@pytest.mark.parametrize("path", ["/parsed", "/raw"])
async def test_a_body_that_stalls_is_cut_off(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that sends a byte a minute must not hold a request open for ever (P9)."""
    monkeypatch.setattr(edge._Limited, "seconds", 0.05)
    sent: list[Message] = []
    parts = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Message:
        if parts:
            return parts.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    asked = scope(path=path, transfer_encoding="chunked") | {"http_version": "1.1"}
    await asyncio.wait_for(Edge(framework())(asked, receive, send), 5)
    assert sent[0]["status"] == 408
    assert orjson.loads(sent[1]["body"])["code"] == "request_timeout"


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "invalid_utf8"),
        (RecursionError(), "validation_failed"),
        (ValueError("Exceeds the limit (4300 digits)"), "validation_failed"),
        (TimeoutError(), "request_timeout"),
        (TooMany(), "rate_limited"),
        (RuntimeError(), "invalid_parameter"),
        (None, "invalid_parameter"),
    ],
)
def test_why_a_body_could_not_be_parsed_is_told(cause: BaseException | None, code: str) -> None:
    assert unreadable(cause).code == code
