"""`shuyuan publish --replace`: the resource is what the file is, whatever happens on the way."""

import asyncio
from pathlib import Path

from tests.support.desk import Desk, records, write
from tests.support.terminal import Ran


async def replaced(desk: Desk, file: Path, *options: str | Path) -> Ran:
    return await desk.provider.run("publish", file, *desk.to, "--replace", *options)


async def statuses(desk: Desk) -> list[str]:
    path = f"/v1/resources/{desk.sharing.resource}/replacements"
    found = await desk.sharing.publisher.ask("GET", path)
    return [each["status"] for each in found["items"]]


async def test_what_is_not_in_the_file_is_deleted_within_the_cap(
    desk: Desk, tmp_path: Path
) -> None:
    file = write(tmp_path / "all.ndjson", records(20))
    assert (await desk.provider.run("publish", file, *desk.to)).code == 0
    write(file, records(15))
    capped = await replaced(desk, file)
    assert capped.code == 1
    assert "将删除的有 5 条，上限 2 条" in capped.err
    assert "--max-deletes 5" in capped.err
    assert len(await desk.state()) == 20
    assert await statuses(desk) == ["open"]
    # Said by somebody who has looked: the same replacement goes on, nothing is loaded again.
    loaded = len(await desk.arrived())
    done = await replaced(desk, file, "--max-deletes", "5")
    assert done.code == 0, done.err
    assert "删除未再提供的 5 条" in done.out
    assert "15 条此前已入库" in done.out
    assert await desk.state() == {record["id"]: record for record in records(15)}
    assert len(await desk.arrived()) == loaded + 5
    assert await statuses(desk) == ["committed"]
    # The same file after it is a replacement of its own.
    await desk.sharing.publisher.publish(desk.sharing.resource, records(1, 40))
    again = await replaced(desk, file)
    assert again.code == 0, again.err
    assert list(await desk.state()) == [record["id"] for record in records(15)]


async def test_a_replacement_that_is_killed_is_gone_on_with(desk: Desk, tmp_path: Path) -> None:
    file = write(tmp_path / "all.ndjson", records(600))
    command = ("publish", file, *desk.to, "--replace", "--batch", "2")
    first = desk.provider.start(*command)
    async with asyncio.timeout(180):
        while not await desk.arrived():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    first.kill()
    await asyncio.to_thread(first.communicate)
    assert await statuses(desk) == ["open"]
    # Another file is not loaded into what was begun for this one.
    other = write(tmp_path / "other.ndjson", records(3))
    refused = await replaced(desk, other)
    assert refused.code == 1
    assert "--restart" in refused.err
    again = await desk.provider.run(*command)
    assert again.code == 0, again.err
    assert "此前已入库" in again.out
    assert [line["data"] for line in await desk.arrived()] == records(600)
    assert await statuses(desk) == ["committed"]


async def test_another_file_begins_anew_when_it_is_told_to(desk: Desk, tmp_path: Path) -> None:
    publisher, resource = desk.sharing.publisher, desk.sharing.resource
    await publisher.ask("POST", f"/v1/resources/{resource}/replacements")
    done = await replaced(desk, write(tmp_path / "all.ndjson", records(3)), "--restart")
    assert done.code == 0, done.err
    assert sorted(await statuses(desk)) == ["aborted", "committed"]


async def test_nothing_is_begun_for_a_file_that_has_anything_wrong(
    desk: Desk, tmp_path: Path
) -> None:
    """What a replacement leaves out would be deleted: so it leaves nothing out."""
    sent = [*records(3), {"id": "r3", "name": "名称", "amount": "many"}]
    file = write(tmp_path / "all.ndjson", sent)
    refused = await replaced(desk, file, "--errors", tmp_path / "bad.xlsx")
    assert refused.code == 1
    assert "4 条中有 1 条无效" in refused.err
    assert (tmp_path / "bad.xlsx").exists()
    for words, told in (
        (("--continue",), "--continue"),
        (("--op", "delete"), "--op delete"),
    ):
        assert told in (await replaced(desk, file, *words)).err
    alone = await desk.provider.run("publish", file, *desk.to, "--max-deletes", "5")
    assert "--replace" in alone.err
    empty = await replaced(desk, write(tmp_path / "empty.ndjson", []))
    assert "没有记录" in empty.err
    assert await statuses(desk) == []
    assert await desk.arrived() == []


async def test_what_is_kept_in_quarantine_is_not_deleted(desk: Desk, tmp_path: Path) -> None:
    file = write(tmp_path / "all.ndjson", records(4))
    assert (await desk.provider.run("publish", file, *desk.to)).code == 0
    write(file, [*records(3), {"id": "r3", "name": "名称", "amount": "many"}])
    done = await replaced(desk, file, "--on-invalid", "quarantine", "--errors", tmp_path / "b.xlsx")
    assert done.code == 1
    assert "删除未再提供的 0 条" in done.out
    assert len(await desk.state()) == 4
