"""Health, readiness, metrics (`api.md` section 6)."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from auth.principal import Role
from gateway.http.stopping import STOPPING
from gateway.principal import Admin
from gateway.services import Services, Using
from kernel.database import AWAY
from kernel.database_access import trouble_of
from kernel.metrics_folder import MEDIA_TYPE
from kernel.wire import Wire

router = APIRouter(tags=["operations"])

PROBE_SECONDS = 3.0
NOT_READY = 503
WARNINGS_MAX = 20


class Health(Wire):
    status: Literal["ok"]


class Readiness(Wire):
    """`ok`, or for each part that keeps the worker from serving, why.

    `warnings` are what operators should see to although the worker serves.
    """

    status: Literal["ok", "not_ready"]
    node: str
    database: str
    broker: str
    rules: str
    keys: str
    restore: str
    clock: str
    loops: dict[str, str]
    warnings: list[str]


@router.get("/healthz")
async def health() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readiness(using: Using, response: Response) -> Readiness:
    """The worker can serve: database and broker answer, rules are fresh, loops run."""
    node = "stopping" if STOPPING.begun else "ok"
    database, broker = await using.probe.answers(lambda: _ask(using))
    rules = "ok" if using.changes.fresh else "rules not confirmed by the database"
    keys = "ok" if using.box.knows_root else "the root key was not read from the database yet"
    restore = _restore(using)
    clock = using.skew.told if using.skew.far else "ok"
    failed = using.loops.failed
    parts = (node, database, broker, rules, keys, restore, clock)
    ready = set(parts) == {"ok"} and not failed
    if not ready:
        response.status_code = NOT_READY
    return Readiness(
        status="ok" if ready else "not_ready",
        node=node,
        database=database,
        broker=broker,
        rules=rules,
        keys=keys,
        restore=restore,
        clock=clock,
        loops=failed,
        warnings=_warnings(using),
    )


async def _ask(using: Services) -> tuple[str, str]:
    return await asyncio.gather(_database(using), _broker(using))


async def _database(using: Services) -> str:
    try:
        async with asyncio.timeout(PROBE_SECONDS), using.database.reading() as session:
            await session.execute(text("SELECT 1"))
    except (DBAPIError, *AWAY) as error:
        trouble = trouble_of(error)
        return f"PostgreSQL: {trouble}" if trouble else "PostgreSQL does not answer"
    return "ok"


async def _broker(using: Services) -> str:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return "ok" if await using.bus.alive() else "Kafka does not answer"
    except TimeoutError:
        return "Kafka does not answer"


@router.get("/metrics", response_class=Response)
async def metrics(principal: Admin, using: Using) -> Response:
    """Prometheus metrics of all workers of this node, as its own port for them tells too."""
    principal.require_role(Role.OPERATOR)
    using.metrics.write()
    # Adding up many workers takes a while, which a thread has.
    told = await asyncio.to_thread(using.metrics.exposition)
    return Response(told, media_type=MEDIA_TYPE)


def _warnings(using: Services) -> list[str]:
    clock = [using.skew.told] if using.skew.told and not using.skew.far else []
    return [*clock, *using.bus.broker_findings[: WARNINGS_MAX - len(clock)]]


def _restore(using: Services) -> str:
    if using.restore.restored:
        return "the database lies behind the log: declare its restore"
    return "ok" if using.restore.passed else "database and log are being compared"
