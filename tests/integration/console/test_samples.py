"""What a subscription's page shows to be copied works as it stands, given the system's secret."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.browsing import browsing
from tests.support.copied import programs, run
from tests.support.eventually import eventually
from tests.support.world import Sharing, World

RECORDS = [{"id": "甲", "name": "黄某", "amount": 7}]
MODES = ["pull", "push", "query", "verify", "file", "table"]


async def shown(world: World, sharing: Sharing) -> Mapping[str, str]:
    async with browsing(world.base_url, sharing.consumer.clerk) as clerk:
        return programs(await clerk.open(f"/console/subscriptions/{sharing.subscription}"))


async def curl(told: Mapping[str, str], folder: Path, **variables: str) -> str:
    return await run("sh", "-c", told["curl"], folder=folder, **variables)


async def python(told: Mapping[str, str], folder: Path, until: str = "", **variables: str) -> str:
    (folder / "grant.py").write_text(told["Python"], encoding="utf-8")
    named = {"PYTHONIOENCODING": "utf-8", **variables}
    return await run(sys.executable, "-I", "grant.py", folder=folder, until=until, **named)


async def test_records_are_pulled_and_the_position_is_stored(world: World, tmp_path: Path) -> None:
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, RECORDS)
    told, secret = await shown(world, sharing), {"SECRET": sharing.subscriber.secret}
    assert "黄某" in await curl(told, tmp_path, **secret)
    path = f"/v1/subscriptions/{sharing.subscription}"
    assert (await sharing.consumer.clerk.ask("GET", path))["lag"] == 0
    # A line separator is a character of the value, and no end of the line.
    await sharing.publisher.publish(sharing.resource, [{"id": "乙", "name": "二\u2028行"}])
    assert "二\u2028行" in await python(told, tmp_path, until="乙", **secret)


@pytest.mark.parametrize("mode", ["query", "verify"])
async def test_the_last_record_is_asked_for_by_its_key(
    world: World, tmp_path: Path, mode: str
) -> None:
    sharing = await world.sharing(mode=mode)
    await sharing.publisher.publish(sharing.resource, RECORDS)
    told = await shown(world, sharing)
    asked = {"SECRET": sharing.subscriber.secret, "KEY": "甲", "VALUE": "黄某"}
    expected = "黄某" if mode == "query" else "true"

    async def answered() -> bool:
        return expected in await curl(told, tmp_path, **asked)

    await eventually(answered)
    assert expected in await python(told, tmp_path, **asked)
    assert {"shuyuan agent · PostgreSQL"}.isdisjoint(told)
