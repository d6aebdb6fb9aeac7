"""`GET /v1/status`: how the platform is, for operators (docs/api.md section 6)."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from auth.principal import Principal, Role, Scope
from exchange import backlog
from exchange.backlog import Backlog
from exchange.log.errors import BrokerUnavailable
from gateway.principal import Admin
from gateway.services import Services, Using
from kernel import clock, generation, presence
from kernel.presence import MISSED_SECONDS, VERSION
from kernel.tables import ProcessRow
from kernel.wire import Wire

router = APIRouter(tags=["operations"])

ASK_SECONDS = 3.0


class ProcessView(Wire):
    """A process of the platform; `missed`: it was killed, cut off, or is frozen."""

    kind: Annotated[str, Field(description="gateway | worker")]
    node: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime
    missed: bool
    told: Annotated[
        dict[str, Any],
        Field(
            description="dead_loops, warnings, clock_ahead_seconds, connections; of a gateway"
            " rules_age_seconds and open_polls too"
        ),
    ]


class BrokersView(Wire):
    """The cluster as any of its brokers sees it; `answers` false: none did."""

    answers: bool
    brokers: int = 0
    partitions: int = 0
    without_leader: int = 0
    named: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)


class OutboxView(Wire):
    messages: int
    oldest_seconds: float


class LatestView(Wire):
    """Partitions whose latest state is kept; nobody keeps up with those `unheld`."""

    partitions: int
    unheld: int
    lag_seconds: float
    holders: int


class PushesView(Wire):
    """Endpoints, and batches that receivers have not taken yet; since when, the oldest."""

    active: int
    paused: int
    retrying: int
    oldest_seconds: float
    unheld: int
    holders: int


class JobsView(Wire):
    """`oldest_seconds`: how long the first that may begin has waited."""

    queued: int
    running: int
    oldest_seconds: float
    unheld: int


class StatusView(Wire):
    """`overdue` counts what is open beyond its legal day, by clock."""

    version: str
    generation: int
    at: datetime
    processes: list[ProcessView]
    brokers: BrokersView
    outbox: OutboxView
    latest: LatestView
    pushes: PushesView
    jobs: JobsView
    overdue: dict[str, int]


@router.get("/v1/status")
async def status(principal: Admin, using: Using) -> StatusView:
    """How the platform is: its processes, brokers, backlog, generation."""
    require_reader(principal)
    return await told(using)


def require_reader(principal: Principal) -> None:
    """Raise unless the caller is an operator, with the scope to ask."""
    principal.require_scope(Scope.ADMIN)
    principal.require_role(Role.OPERATOR)


async def told(using: Services) -> StatusView:
    """Return what the platform tells of itself to whoever may ask."""
    # Before the session: nothing waits for a broker with a connection in its hands.
    brokers = await _brokers(using)
    async with using.database.reading() as session:
        now = clock.now()
        rows = await presence.seen(session)
        waiting = await backlog.look(session, now)
        number = (await generation.current(session)).number
    return StatusView(
        version=VERSION,
        generation=number,
        at=now,
        processes=[_process(row, now) for row in rows],
        brokers=brokers,
        outbox=_outbox(waiting),
        latest=LatestView(**waiting.folding._asdict()),
        pushes=PushesView(**waiting.pushing._asdict()),
        jobs=JobsView(**waiting.jobs._asdict()),
        overdue=dict(waiting.overdue),
    )


async def _brokers(using: Services) -> BrokersView:
    warnings = list(using.bus.broker_findings)
    try:
        async with asyncio.timeout(ASK_SECONDS):
            found = await using.bus.census()
    except (BrokerUnavailable, TimeoutError):
        return BrokersView(answers=False, warnings=warnings)
    return BrokersView(
        answers=True,
        brokers=found.brokers,
        partitions=found.partitions,
        without_leader=found.without_leader,
        named=list(found.named),
        warnings=warnings,
    )


def _process(row: ProcessRow, now: datetime) -> ProcessView:
    return ProcessView(
        **row.model_dump(exclude={"id"}),
        missed=(now - row.seen_at).total_seconds() > MISSED_SECONDS,
    )


def _outbox(waiting: Backlog) -> OutboxView:
    return OutboxView(messages=waiting.messages, oldest_seconds=waiting.oldest_seconds)
