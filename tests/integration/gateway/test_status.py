"""`GET /v1/status` tells operators how every process of the platform is."""

from typing import Any

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
        )

    await eventually(complete, within_seconds=30)
    told = await world.operator.ask("GET", "/v1/status")
    gateways = [each for each in told["processes"] if each["kind"] == "gateway"]
    gateway = next(each for each in gateways if not each["missed"])
    assert gateway["told"]["dead_loops"] == {}
    assert gateway["told"]["connections"]["allowed"] == 8
    assert abs(gateway["told"]["clock_ahead_seconds"]) < 1


async def test_nobody_else_does(world: World) -> None:
    assert (await world.auditor.get("/v1/status")).status_code == 403
    assert (await world.security.get("/v1/status")).status_code == 403
