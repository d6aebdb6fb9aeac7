"""`GET /v1/status` tells operators how every process of the platform is."""

from typing import Any

from tests.support.eventually import eventually
from tests.support.world import World


async def test_operators_see_every_process_the_brokers_and_what_waits(world: World) -> None:
    async def complete() -> bool:
        told: dict[str, Any] = await world.operator.ask("GET", "/v1/status")
        kinds = [each["kind"] for each in told["processes"] if not each["missed"]]
        return (
            kinds.count("gateway") >= 2
            and "worker" in kinds
            and told["brokers"]["answers"]
            and told["brokers"]["without_leader"] == 0
            and told["generation"] >= 1
            and told["outbox"]["messages"] >= 0
            and "C6" in told["overdue"]
        )

    await eventually(complete, within_seconds=30)
    told = await world.operator.ask("GET", "/v1/status")
    gateway = next(each for each in told["processes"] if each["kind"] == "gateway")
    assert gateway["told"]["dead_loops"] == {}
    assert gateway["told"]["connections"]["allowed"] == 8
    assert abs(gateway["told"]["clock_ahead_seconds"]) < 1


async def test_nobody_else_does(world: World) -> None:
    assert (await world.auditor.get("/v1/status")).status_code == 403
    assert (await world.security.get("/v1/status")).status_code == 403
