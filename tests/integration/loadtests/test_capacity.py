"""The capacity model's measuring in a short form: it measures, fits and foretells."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from deploy.local.report import Report
from loadtests.arena import Arena, own_arena
from loadtests.capacity import costs as kept
from loadtests.capacity import measuring, tables
from loadtests.capacity.costs import (
    BROKER,
    COUNT,
    DATABASE,
    GATEWAY,
    PAGE,
    PUBLISH,
    SEAL,
    WORKER,
    Costs,
)
from loadtests.capacity.load import SCENARIOS
from loadtests.capacity.model import Plan

pytestmark = [pytest.mark.benchmark]


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """A platform of its own, since thousands of pairs are counted that nobody has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHUYUAN_LOCAL_DIR", str(tmp_path_factory.mktemp("capacity")))
        with own_arena(Report()) as started:
            yield started


@pytest.fixture(scope="module")
async def costs(arena: Arena) -> Costs:
    return await asyncio.to_thread(measuring.measure, arena, measuring.SHORT, Report())


async def test_what_every_part_does_has_a_cost(costs: Costs) -> None:
    assert costs.line(PUBLISH, GATEWAY).request > 0
    assert costs.line(PUBLISH, GATEWAY).record > 0
    assert costs.line(PUBLISH, BROKER).request > 0
    assert costs.line(PAGE, GATEWAY).request > 0
    # So short an archive lies in the cache: what projecting adds is told by the timing alone.
    assert costs.projection.microseconds(6, 2) > costs.projection.microseconds(3, 0) > 0
    assert costs.line(COUNT, GATEWAY).request > 0
    assert costs.line(SEAL, WORKER).request > 0
    assert costs.line(SEAL, DATABASE).request > 0
    assert costs.memory_bytes[GATEWAY] > 20_000_000


async def test_bytes_are_those_of_the_log(costs: Costs) -> None:
    """A stored record has its key and a few bytes more than its JSON; a batch has a header."""
    assert costs.bytes.record + 15 < costs.bytes.record_stored < costs.bytes.record + 60
    assert 61 < costs.bytes.batch_stored < 1_000
    assert costs.bytes.page_projected < costs.bytes.page_whole
    assert costs.bytes.seal_stored > 100
    assert costs.bytes.keyed_stored > 100


async def test_a_plan_can_be_made_of_what_was_measured(costs: Costs, tmp_path: Path) -> None:
    kept.write(costs, tmp_path / "costs.json")
    found = Plan(SCENARIOS["region"], kept.read(tmp_path / "costs.json"))
    assert found.gateway.busy_cores > 1
    assert "| gateway |" in tables.plan_table(found)


async def test_points_are_foretold_that_were_not_fitted(arena: Arena, costs: Costs) -> None:
    checked, bounded = await asyncio.to_thread(measuring.check, arena, measuring.SHORT, Report())
    assert {point.name for point in checked} == {point.name for point in costs.checked}
    assert "mixed day" in {point.name for point in checked}
    found = msgspec.structs.replace(costs, checked=checked, bounded=bounded)
    told = tables.checks_table(found)
    assert "| publish 500 | gateway |" in told
    assert "| publish 1, crowded (bound) | gateway |" in told
