"""`/readyz` is green while the worker can serve, and says what keeps it from serving."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway import warming
from gateway.app import create
from gateway.services import Services
from kernel.settings import Settings
from tests.support.eventually import eventually
from tests.support.processes import ROOT

BREAKING = """
import uvicorn
from exchange.metering.rates.gate import Gate
async def breaks(gate):
    raise ValueError("broken")
Gate.run = breaks
uvicorn.run("gateway.main:application", factory=True, port=0, log_config=None)
"""


@asynccontextmanager
async def opened(settings: dict[str, str]) -> AsyncIterator[tuple[httpx.AsyncClient, Services]]:
    """One gateway worker within the test, so that the test can break its parts."""
    named = {
        name.removeprefix("SHUYUAN_").lower(): value
        for name, value in settings.items()
        if name.startswith("SHUYUAN_")
    }
    app = create(Settings.model_validate(named))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://worker") as http:
            yield http, app.state.services


async def test_a_worker_serves_once_it_may_answer(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node was ready by its first worker, and the second refused what it was sent."""
    monkeypatch.setattr(warming, "SETTLE_SECONDS", 120.0)
    async with opened(settings) as (_http, services):
        assert services.settled
        assert services.restore.passed


async def test_a_loop_that_broke_turns_it_red(gateway: str, settings: dict[str, str]) -> None:
    async with opened(settings) as (http, services):

        async def ready() -> bool:
            return (await http.get("/readyz")).status_code == 200

        await eventually(ready)

        async def broken() -> None:
            raise ValueError("broken")

        services.loops.start("doomed", broken)

        async def red_for_it_alone() -> bool:
            # On a busy machine rules may be stale for a moment beside it.
            answer = await http.get("/readyz")
            told = answer.json()
            servers = [told[part] for part in ("database", "broker", "rules")]
            return (answer.status_code, told["status"], told["loops"], servers) == (
                503,
                "not_ready",
                {"doomed": "ValueError('broken')"},
                ["ok"] * 3,
            )

        await eventually(red_for_it_alone)
        assert (await http.get("/healthz")).status_code == 200


async def test_a_loop_that_broke_ends_its_worker_for_another(settings: dict[str, str]) -> None:
    """A dead loop stayed dead while `/healthz` was fine (C14)."""
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BREAKING), env=settings, cwd=ROOT, stderr=subprocess.PIPE
    )
    _, errors = await worker.communicate()
    assert b"one of its loops has died" in errors


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "part"),
    [
        ({"SHUYUAN_KAFKA_BOOTSTRAP": "127.0.0.1:1"}, "broker"),
        ({"SHUYUAN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere"}, "database"),
    ],
)
async def test_a_worker_without_its_servers_starts_and_says_what_is_missing(
    gateway: str, settings: dict[str, str], missing: dict[str, str], part: str
) -> None:
    async with opened({**settings, **missing}) as (http, _services):
        answer = await http.get("/readyz")
        assert answer.status_code == 503
        told = answer.json()
        assert told[part] != "ok"
        assert told["loops"] == {}
        if part == "database":
            assert told["rules"] != "ok"
            assert "root key" in told["keys"]
            refused = await http.get("/v1/me", headers={"Authorization": "Bearer x.y.z"})
            assert refused.status_code in (401, 503)
        assert (await http.get("/healthz")).status_code == 200


async def test_a_clock_that_is_off_is_told_and_one_far_off_turns_it_red(
    gateway: str, settings: dict[str, str]
) -> None:
    async with opened(settings) as (http, services):

        async def told() -> dict[str, Any]:
            return dict((await http.get("/readyz")).json())

        async def ready() -> bool:
            return bool((await told())["status"] == "ok")

        await eventually(ready)
        services.skew.ahead, services.skew.told = 3.0, "the clock is 3 s off"
        assert "the clock is 3 s off" in (await told())["warnings"]
        services.skew.ahead = 3600.0
        assert (await told())["clock"] == "the clock is 3 s off"
        assert (await told())["status"] == "not_ready"
