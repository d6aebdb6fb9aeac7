"""What a subscription's page shows to be copied works as it stands, given the system's secret."""

import csv
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.browsing import browsing
from tests.support.copied import programs, run
from tests.support.eventually import eventually
from tests.support.receiving import allow_loopback
from tests.support.services import providing
from tests.support.world import Sharing, World

RECORDS = [{"id": "甲", "name": "黄某", "amount": 7}]


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


async def test_what_is_pushed_can_be_read_again_by_the_same_program(
    world: World, tmp_path: Path
) -> None:
    sharing = await world.sharing(mode="push")
    await sharing.publisher.publish(sharing.resource, RECORDS)
    told, secret = await shown(world, sharing), {"SECRET": sharing.subscriber.secret}
    assert "黄某" in await curl(told, tmp_path, **secret)
    assert "黄某" not in await curl(told, tmp_path, **secret), "the position was stored"


async def test_a_snapshot_is_made_and_downloaded(world: World, tmp_path: Path) -> None:
    made = await world.sharing()
    resource = await world.resource(made.provider, share_modes=["file"])
    await made.publisher.publish(resource, RECORDS)
    subscription = await world.subscription(resource, made.consumer, made.subscriber, mode="file")
    sharing = replace(made, resource=resource, subscription=subscription)

    async def is_folded() -> bool:
        answer = await made.publisher.get(f"/v1/resources/{resource}/records")
        return answer.status_code == 200 and bool(answer.json()["items"])

    await eventually(is_folded)
    told, secret = await shown(world, sharing), {"SECRET": sharing.subscriber.secret}
    for program in (curl, python):
        lines = (await program(told, tmp_path, **secret)).splitlines()
        head, row = (next(csv.reader([line])) for line in lines if line.strip())
        assert dict(zip(head, row, strict=True)).items() >= {"id": "甲", "name": "黄某"}.items()
    assert "黄某" in (tmp_path / "snapshot.csv").read_text(encoding="utf-8-sig")


async def test_a_mounted_service_is_called(world: World, tmp_path: Path) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(RECORDS)

    made = await world.sharing()
    resource = await world.resource(made.provider, share_modes=["api"])
    await allow_loopback(world, made.provider)
    subscription = await world.subscription(resource, made.consumer, made.subscriber, mode="api")
    sharing = replace(made, resource=resource, subscription=subscription)
    async with providing() as provider:
        provider.answer = answer
        operation = {"name": "find", "path": "/find", "query": [], "response": "records"}
        service = {"base_url": provider.base_url, "operations": [operation]}
        mounted = await made.provider.head.put(f"/v1/resources/{resource}/service", service)
        assert mounted.status_code == 200, mounted.text
        told = await shown(world, sharing)
        assert set(told) == {"curl"}
        asked = {"SECRET": sharing.subscriber.secret, "OPERATION": "find"}
        items = json.loads(await curl(told, tmp_path, **asked))["items"]
        assert [(each["key"], each["data"]) for each in items] == [("甲", RECORDS[0])]


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
