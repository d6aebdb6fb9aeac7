"""`shuyuan search` and `shuyuan tasks`, as a system and as a person."""

import asyncio
import json

import httpx

from tests.support.callers import fill_sign_in_form
from tests.support.desk import Desk
from tests.support.eventually import eventually
from tests.support.terminal import Terminal
from tests.support.world import World

PATIENCE_SECONDS = 180


async def test_published_resources_are_found_by_words(desk: Desk) -> None:
    resource = desk.sharing.resource
    name = (await desk.sharing.publisher.ask("GET", f"/v1/resources/{resource}"))["name"]
    told = await desk.consumer.run("search", name, "--limit", "1000")
    assert told.code == 0, told.err
    assert [resource, name] in [line.split("\t")[:2] for line in told.lines]
    as_json = await desk.consumer.run("search", name, "--json", "--limit", "1000")
    assert resource in [json.loads(line)["id"] for line in as_json.lines]
    nothing = await desk.consumer.run("search", "没有这样的资源")
    assert (nothing.code, nothing.out) == (1, "")
    assert "没有找到" in nothing.err


async def test_a_refusal_is_explained_by_its_correlation_id(desk: Desk) -> None:
    refused = await desk.consumer.run("pull", "--subscription", "0" * 32)
    assert refused.code == 1
    correlation = refused.err.rpartition("关联号 ")[2].strip("）\n")

    lines: list[str] = []

    async def is_explained() -> bool:
        lines[:] = (await desk.consumer.run("why", correlation)).lines
        return bool(lines)

    # A refusal is written down within seconds.
    await eventually(is_explained)
    assert "✓ 访问令牌" in lines
    assert "✗ 对象是否可见" in lines
    assert any(line.startswith("  → ") for line in lines)
    unknown = await desk.consumer.run("why", "nonsense")
    assert (unknown.code, "Traceback" in unknown.err) == (1, False)


async def test_a_system_has_no_tasks(desk: Desk) -> None:
    refused = await desk.consumer.run("tasks")
    assert refused.code == 1
    assert "403" in refused.err
    assert len(refused.err.splitlines()) == 1


async def test_a_person_reads_what_waits(world: World, settings: dict[str, str]) -> None:
    department = await world.department()
    person = await world.new_person(department.uscc, "head")
    await world.order(department)
    terminal = Terminal({**settings, "BROWSER": "true"})
    process = await asyncio.create_subprocess_exec(
        *terminal.arguments("tasks", "--login", "--base-url", world.base_url),
        env=terminal.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        line = (await process.stderr.readline()).decode()
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as browser:
            page = line[line.index("http") :].strip()
            sent = await fill_sign_in_form(browser, page, person.username, person.password)
            await browser.get(sent.headers["location"])
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    [task] = out.decode().splitlines()
    assert "工作日" in task
    assert "督办单: 答复督办单" in task
