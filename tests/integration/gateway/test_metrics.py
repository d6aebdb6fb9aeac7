"""Metrics of every process of a node, on ports of their own and for operators (I8, F21)."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.support import processes
from tests.support.eventually import eventually
from tests.support.processes import free_port
from tests.support.world import World

PUBLISHED = 'shuyuan_answers_total{operation="POST /v1/resources/{resource_id}/records",status='


@pytest.fixture
def watched(
    settings: Mapping[str, str], gateway: str, tmp_path: Path
) -> Iterator[tuple[str, list[str]]]:
    """Addresses of the metrics of one more gateway, with two workers, and of a worker."""
    ports = {"GATEWAY": free_port(), "WORKER": free_port()}
    own = processes.beside(settings, workers=2) | {
        f"SHUYUAN_{name}_METRICS_PORT": str(port) for name, port in ports.items()
    }
    with (
        processes.gateway(own, tmp_path / "gateway.log") as running,
        processes.worker(own, tmp_path / "worker.log"),
    ):
        yield running.base_url, [f"http://127.0.0.1:{port}/metrics" for port in ports.values()]


async def test_a_node_tells_what_its_workers_did(
    watched: tuple[str, list[str]], world: World
) -> None:
    base_url, (gateway, worker) = watched
    async with httpx.AsyncClient() as http:
        for _ in range(20):
            await http.get(f"{base_url}/v1/me")

        async def counted() -> bool:
            told = (await http.get(gateway)).text
            # Refused before a route is looked for, by either worker.
            return (
                'shuyuan_answers_total{operation="GET -",status="401"} 20.0' in told
                and 'shuyuan_refusals_total{code="token_missing"} 20.0' in told
                and 'shuyuan_database_connections{state="allowed"} 16.0' in told
            )

        await eventually(counted)

        async def worked() -> bool:
            try:
                told = (await http.get(worker)).text
            except httpx.TransportError:
                return False
            return (
                'shuyuan_job_seconds_count{job="deadlines"}' in told
                and "shuyuan_outbox_messages" in told
                and 'shuyuan_overdue{clock="C6"}' in told
            )

        await eventually(worked, within_seconds=60)


async def test_at_the_address_of_the_platform_they_are_for_operators(
    world: World,
) -> None:
    """Whoever reached the platform read them, and each request added up all workers' files."""
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, [{"id": "metrics", "name": "x"}])

    async def counted() -> bool:
        told = await world.operator.get("/metrics")
        assert told.headers["content-type"].startswith("text/plain")
        return PUBLISHED in told.text and "shuyuan_rules_age_seconds" in told.text

    await eventually(counted)
    assert (await world.http.get("/metrics")).status_code == 401
    assert (await world.auditor.get("/metrics")).status_code == 403
