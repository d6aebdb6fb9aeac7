import asyncio
import gc
import weakref
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from auth.errors import TokenExpired
from gateway.hot.paths import HotPaths
from gateway.http.budgets import BODIES
from gateway.http.outflow import ClientGoneError
from kernel import leaving
from kernel.errors import NotFound, TooMany
from tests.support.eventually import eventually
from tests.support.exchanges import KeptExchange

Message = dict[str, Any]
PATHS = (("POST", "/v1/resources/r1/records"), ("GET", "/v1/subscriptions/s1/records"))


def broken(sqlstate: str) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, SimpleNamespace(sqlstate=sqlstate))  # type: ignore[arg-type]


class Failing:
    """Services whose first use, the look at the token, fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.tokens = self
        self.restore = SimpleNamespace(passed=True, require=lambda: None)
        self.settings = SimpleNamespace(rate_source_per_second=100.0, rate_source_burst=1_000)
        self.bus = SimpleNamespace(puller=SimpleNamespace(pull=self._pull))

    def cached(self, _token: bytes) -> None:
        raise self._error

    def known(self, _digest: bytes) -> None:
        raise self._error

    async def _pull(self, caller: Any, _request: Any) -> None:  # noqa: ANN401
        await caller.confirm()


async def elsewhere(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def answered(method: str, path: str, error: Exception, token: bytes = b"Bearer x") -> Message:
    services: Any = Failing(error)
    hot = HotPaths(elsewhere, lambda: services)
    route = hot.route(method, path)
    assert route is not None
    headers = {b"authorization": token, b"content-type": b"application/json"}
    exchange = KeptExchange(path, headers, b"{}")
    await hot.run(*route, exchange)
    told = orjson.loads(exchange.body)
    return {"status": exchange.status, "headers": exchange.answered_with, **told}


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (TokenExpired(), 401, "token_expired"),
        (PoolTimeout(), 503, "unavailable"),
        (TimeoutError(), 503, "unavailable"),
        (ConnectionRefusedError(), 503, "unavailable"),
        (broken("57P01"), 503, "unavailable"),
        (broken("42P01"), 500, "internal_error"),
        (KeyError("x"), 500, "internal_error"),
    ],
)
async def test_every_failure_is_answered_with_a_problem(
    method: str, path: str, error: Exception, status: int, code: str
) -> None:
    """A full pool of connections once was an internal error, a missing table once a pause."""
    said = await answered(method, path, error)
    assert (said["status"], said["code"]) == (status, code)
    assert said["headers"]["content-type"] == "application/problem+json"
    assert said["headers"]["exchange-correlation-id"] == said["correlation_id"]
    assert ("retry-after" in said["headers"]) == (status == 503)


class Held:
    """What a handle had in its hands when it failed, as a body."""


@pytest.mark.parametrize("kind", [TokenExpired, TooMany, NotFound])
async def test_a_refusal_leaves_nothing_for_the_garbage_collector(kind: type[Exception]) -> None:
    """A name for what was told kept each refused body of 8 MiB: a worker grew to 3 GiB."""
    hot = HotPaths(elsewhere, lambda: cast("Any", Failing(KeyError())))
    held: list[weakref.ref[Held]] = []

    async def _publish(_thing: str, _request: Any) -> None:  # noqa: ANN401
        body = Held()
        held.append(weakref.ref(body))
        raise kind

    gc.disable()
    try:
        await hot.run(_publish, "r1", KeptExchange("/v1/resources/r1/records", {}, b""))
        assert held[0]() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_without_a_token_nothing_else_is_looked_at(method: str, path: str) -> None:
    said = await answered(method, path, AssertionError(), token=b"Basic x")
    assert (said["status"], said["code"]) == (401, "token_missing")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/resources/r1/records"),
        ("POST", "/v1/subscriptions/s1/records"),
        ("GET", "/v1/subscriptions/s1"),
        ("GET", "/v1/subscriptions//records"),
        ("GET", "/v1/subscriptions/s1/records/"),
        ("GET", "/v1/subscriptions/s1/records\n"),
        ("GET", "/v1/subscriptions/" + "x" * 65 + "/records"),
    ],
)
def test_everything_else_goes_on_to_the_framework(method: str, path: str) -> None:
    assert HotPaths(elsewhere, lambda: None).route(method, path) is None  # type: ignore[arg-type, return-value]


class Publishing:
    """Services whose publish waits for its plan, and then, having begun, for the log."""

    def __init__(self) -> None:
        self.tokens = SimpleNamespace(cached=lambda _token: CALLER)
        self.restore = SimpleNamespace(require=lambda: None)
        self.gate = SimpleNamespace(buckets=lambda *_: (), taken=lambda _buckets: True)
        self.asked: list[str] = []
        turns = SimpleNamespace(asks=self.asked.append)
        self.bus = SimpleNamespace(publisher=self, reader=SimpleNamespace(turns=turns))
        self.planned, self.stored = asyncio.Event(), asyncio.Event()
        self.reached: list[str] = []

    async def publish(self, *_arguments: Any) -> None:  # noqa: ANN401
        self.reached.append("plan")
        await self.planned.wait()
        leaving.begin()
        self.reached.append("log")
        await self.stored.wait()
        self.reached.append("stored")
        raise ClientGoneError


CALLER: Any = SimpleNamespace(id="someone", require_scope=lambda _scope: None)


async def test_a_publish_whose_client_leaves_goes_on_only_once_it_has_begun() -> None:
    """It kept its place in the pool's queue for ten seconds, and then published (C25)."""
    services: Any = Publishing()
    hot = HotPaths(elsewhere, lambda: services)
    route = hot.route("POST", "/v1/resources/r1/records")
    assert route is not None
    headers = {b"authorization": b"Bearer x", b"content-type": b"application/json"}
    left, begun = (KeptExchange("/v1/resources/r1/records", headers, b"{}") for _ in range(2))
    waiting = [asyncio.create_task(hot.run(*route, each)) for each in (left, begun)]
    await eventually(lambda: services.reached == ["plan", "plan"])
    left.incoming.leave()
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    services.planned.set()
    await eventually(lambda: services.reached[-1] == "log")
    begun.incoming.leave()
    services.stored.set()
    await waiting[1]
    assert services.reached == ["plan", "plan", "log", "stored"]
    # Large work of others rests for whoever asks (P9).
    assert services.asked == ["someone", "someone"]
    assert not BODIES.held_bytes
