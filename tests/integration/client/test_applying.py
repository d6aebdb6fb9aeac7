"""`shuyuan apply` and `shuyuan applications`, as a clerk who is signed in on the machine."""

import asyncio
import json
from pathlib import Path
from typing import Any

from shuyuan_client.cli.sign_ins import KeptSignIns
from tests.support.callers import Person, sign_in
from tests.support.terminal import Terminal
from tests.support.world import World

FORM = (
    "--basis", "《行政许可法》第三十四条", "--scenario", "核验", "--scope", "审批处",
    "--until", "2027-03-31",
)  # fmt: skip


async def signed_in(world: World, settings: dict[str, str], home: Path, person: Person) -> Terminal:
    """Return a terminal on which a person has signed in."""
    granted = await sign_in(world.http, person.username, person.password)
    file = home / "shuyuan" / "sign-ins.json"
    KeptSignIns(file).put(world.base_url, granted["refresh_token"])
    return Terminal({**settings, "XDG_STATE_HOME": str(home), "SHUYUAN_BASE_URL": world.base_url})


async def statuses(person: Person) -> list[Any]:
    found = await person.ask("GET", "/v1/applications?role=consumer")
    return [each["status"] for each in found["items"]]


async def test_one_resource_is_applied_for_and_watched(
    world: World, settings: dict[str, str], tmp_path: Path
) -> None:
    provider, consumer = await asyncio.gather(world.department(), world.department())
    system, resource, clerk = await asyncio.gather(
        world.client(consumer), world.resource(provider), world.new_person(consumer.uscc, "clerk")
    )
    terminal = await signed_in(world, settings, tmp_path, clerk)
    ask = ("apply", resource, "--item", "id", "--item", "amount", "--filter", "id prefix r1", *FORM)
    unsaid = await terminal.run(*ask)
    assert (unsaid.code, "--promise" in unsaid.err) == (1, True)
    looked = await terminal.run(*ask, "--filter", "amount>=10", "--dry-run")
    assert looked.code == 0, looked.err
    assert "没有提交任何申请" in looked.err
    # A number, as the contract has the item, which may be absent.
    assert "ge 10\n" in looked.err
    assert await statuses(clerk) == []
    for _ in range(2):
        # Repeated, as after an interruption, it is the same application.
        asked = await terminal.run(*ask, "--promise")
        assert asked.code == 0, asked.err
        assert "起草中" in asked.lines[0]
        assert "→ 签批并提交：需求方工作机构负责人" in asked.out
    [made] = (await clerk.ask("GET", "/v1/applications?role=consumer"))["items"]
    assert made["items"] == ["id", "amount"]
    assert made["client_id"] == system.id
    assert made["row_filter"] == [{"item": "id", "op": "prefix", "value": "r1"}]
    await consumer.head.ask("POST", f"/v1/applications/{made['id']}/sign")
    waiting = await terminal.run("applications", "--status", "submitted")
    assert f"{made['id']}\t待答复" in waiting.out
    assert "个工作日" in waiting.out
    refusal = {"code": 4, "reason": "请先完成等级保护备案"}
    await provider.head.ask("POST", f"/v1/applications/{made['id']}/refuse", refusal)
    refused = await terminal.run("applications", made["id"])
    assert "不予共享" in refused.lines[0]
    assert "请先完成等级保护备案" in refused.out
    # What has ended is asked for anew.
    assert (await terminal.run(*ask, "--promise")).code == 0
    assert sorted(await statuses(clerk)) == ["draft", "refused"]
    found = (await clerk.ask("GET", "/v1/applications?status=draft"))["items"][0]["id"]
    await consumer.head.ask("POST", f"/v1/applications/{found}/sign")
    agreed = await provider.head.ask("POST", f"/v1/applications/{found}/agree", {})
    told = await terminal.run("applications", found)
    assert "已同意" in told.lines[0]
    assert f"共享授权 {agreed['subscription_id']}" in told.out


async def test_several_resources_go_as_one_bundle(
    world: World, settings: dict[str, str], tmp_path: Path
) -> None:
    provider, consumer = await asyncio.gather(world.department(), world.department())
    one, other, _, second, clerk = await asyncio.gather(
        world.resource(provider),
        world.resource(provider),
        world.client(consumer),
        world.client(consumer),
        world.new_person(consumer.uscc, "clerk"),
    )
    terminal = await signed_in(world, settings, tmp_path, clerk)
    name = (await clerk.ask("GET", f"/v1/resources/{other}"))["name"]
    ask = ("apply", one, "--find", name, "--all-items", "--promise", *FORM)
    which = await terminal.run(*ask)
    assert (which.code, second.id in which.err) == (1, True)
    assert "Traceback" not in which.err
    asked = await terminal.run(*ask, "--client", second.id)
    assert asked.code == 0, asked.err
    [bundle] = (await clerk.ask("GET", "/v1/bundles"))["items"]
    lines = (await clerk.ask("GET", f"/v1/bundles/{bundle['id']}"))["lines"]
    assert [line["resource_id"] for line in lines] == [one, other]
    listed = await terminal.run("applications", "--json")
    found = [json.loads(line)["id"] for line in listed.lines]
    assert sorted(found) == sorted(line["application_id"] for line in lines)
    missing = await terminal.run("apply", one, "--item", "nonsense", "--promise", *FORM)
    assert (missing.code, "nonsense" in missing.err) == (1, True)
    nothing = await terminal.run("apply", one, "--all-items", "--promise")
    assert (nothing.code, "--basis" in nothing.err) == (1, True)
