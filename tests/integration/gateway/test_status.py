"""`GET /v1/status` tells operators how every process of the platform is."""

import asyncio
from typing import Any

from deploy.local.overview import overview
from deploy.local.sentences import sentences
from deploy.local.stack import Endpoints
from tests.support import processes
from tests.support.eventually import eventually
from tests.support.world import World


async def test_operators_see_every_process_the_brokers_and_what_waits(world: World) -> None:
    async def complete() -> bool:
        told: dict[str, Any] = await world.operator.ask("GET", "/v1/status")
        living = [each for each in told["processes"] if not each["missed"]]
        kinds = [each["kind"] for each in living]
        return (
            kinds.count("gateway") >= 2
            and all(
                each["told"]["clock_ahead_seconds"] is not None
                for each in living
                if each["kind"] == "gateway"
            )
            and "worker" in kinds
            and told["brokers"]["answers"]
            and told["brokers"]["without_leader"] == 0
            and told["generation"] >= 1
            and told["outbox"]["messages"] >= 0
            and "C6" in told["overdue"]
            and told["latest"]["unheld"] <= told["latest"]["partitions"]
            and told["jobs"]["queued"] >= 0
            and told["pushes"]["retrying"] >= 0
        )

    await eventually(complete, within_seconds=30)
    told = await world.operator.ask("GET", "/v1/status")
    gateways = [each for each in told["processes"] if each["kind"] == "gateway"]
    gateway = next(each for each in gateways if not each["missed"])
    assert gateway["told"]["dead_loops"] == {}
    assert gateway["told"]["connections"]["allowed"] == 8
    assert abs(gateway["told"]["clock_ahead_seconds"]) < 1


async def test_who_stands_at_the_machine_learns_it_without_a_gateway(endpoints: Endpoints) -> None:
    settings = processes.environment(endpoints.database_url, endpoints.kafka_bootstrap)
    seen = await asyncio.to_thread(overview, settings)
    assert seen.stored is not None
    assert seen.stored.generation >= 1
    assert seen.brokers is not None
    assert seen.brokers.without_leader == 0
    assert len(sentences(seen)) >= 6


async def test_nobody_else_does(world: World) -> None:
    assert (await world.auditor.get("/v1/status")).status_code == 403
    assert (await world.security.get("/v1/status")).status_code == 403
