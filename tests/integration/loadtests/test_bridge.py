"""Measuring a bridge by the Kafka REST v2 API: the same records, and what it loses is told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from loadtests import bridges
from loadtests.arena import Arena
from loadtests.bridges import Bridge
from loadtests.cases import bridged
from loadtests.generator import Pace
from loadtests.results import Case, Label
from loadtests.stage import Stage
from loadtests.targets import LOCUST
from tests.support.kafka_rest import KafkaRest

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]

ARCHIVE = 3_000
PACE = Pace(0.2, 2.0)


@pytest.fixture
async def bridge(arena: Arena) -> AsyncIterator[tuple[KafkaRest, Bridge]]:
    made = KafkaRest(arena.bootstrap)
    async with made.served() as url:
        told = bridges.parse(f"small={url}/", arena.bootstrap)
        await asyncio.to_thread(bridges.make_ready, told, ARCHIVE)
        yield made, told


async def measured(stage: Stage, bridge: Bridge, name: str, kind: str) -> Case:
    label = Label(name, bridge.name, LOCUST, 2)
    return await asyncio.to_thread(bridged, stage, bridge, label, [kind], PACE)


def test_a_bridge_is_named_or_names_itself() -> None:
    assert bridges.parse("strimzi=http://h:1/", "b:2") == Bridge("strimzi", "http://h:1", "b:2")
    assert bridges.parse("http://h:1", "b:2") == Bridge("h:1", "http://h:1", "b:2")


async def test_what_a_bridge_takes_is_read_back(
    stage: Stage, bridge: tuple[KafkaRest, Bridge]
) -> None:
    for name, kind, each in (
        ("publish-500", "BridgePublishBatch", 500),
        ("publish-1", "BridgePublishSingle", 1),
    ):
        case = await measured(stage, bridge[1], name, kind)
        assert case.row == (name, "small", LOCUST)
        assert case.good, case.complaints
        assert case.records_answered == case.records_read_back > 0
        assert case.records_per_second == pytest.approx(each * case.requests_per_second, rel=0.05)


async def test_what_a_bridge_hands_out_is_compared(
    stage: Stage, bridge: tuple[KafkaRest, Bridge]
) -> None:
    made, told = bridge
    case = await measured(stage, told, "pull-500", "BridgePull")
    assert case.good, case.complaints
    assert case.records_answered == case.records_read_back > ARCHIVE  # it began again
    assert sorted(made.deleted) == ["reader-0", "reader-1"]


async def test_a_bridge_that_forgets_what_it_acknowledged_fails(
    stage: Stage, bridge: tuple[KafkaRest, Bridge]
) -> None:
    made, told = bridge
    made.forgets = True
    case = await measured(stage, told, "publish-1", "BridgePublishSingle")
    assert not case.good
    assert any("records missing" in complaint for complaint in case.complaints)


async def test_a_bridge_that_changes_a_record_fails(
    stage: Stage, bridge: tuple[KafkaRest, Bridge]
) -> None:
    made, told = bridge
    made.blurs = True
    case = await measured(stage, told, "pull-500", "BridgePull")
    assert not case.good
    assert any("is not what the log holds" in complaint for complaint in case.complaints)


async def test_a_bridge_that_refuses_long_answers_is_asked_for_longer_ones(
    stage: Stage, bridge: tuple[KafkaRest, Bridge]
) -> None:
    """Strimzi 0.33 answers 422 to an answer over max_bytes, and has moved on."""
    made, told = bridge
    made.is_strict = True
    case = await measured(stage, told, "pull-500", "BridgePull")
    assert case.good, case.complaints
    assert case.records_answered == case.records_read_back > ARCHIVE
