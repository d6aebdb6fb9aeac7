"""`shuyuan publish` of x, then y, then x: the exchange holds x, and a retry changes nothing.

A batch is known by its content for seven days, so the second x was once answered as stored: the
command said done, and the exchange held y.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shuyuan_client.cli import putting_back
from tests.support.desk import Desk, records, write
from tests.support.terminal import Ran
from tests.support.world import World

Sent = Sequence[dict[str, Any]]


async def published(desk: Desk, folder: Path, sent: Sent, *options: str) -> Ran:
    return await desk.provider.run(
        "publish", write(folder / "in.ndjson", [*sent]), *desk.to, *options
    )


def by_key(sent: Sent) -> dict[str, dict[str, Any]]:
    return {record["id"]: record for record in sent}


async def test_a_record_put_back_to_what_it_was_is_written_again(
    desk: Desk, tmp_path: Path
) -> None:
    x = records(30)
    y = [*x[:10], {**x[10], "amount": -1}, *x[11:]]
    for sent in (x, y, x, y):
        assert (await published(desk, tmp_path, sent, "--batch", "10")).code == 0
        assert await desk.state() == by_key(sent)
    ran = await published(desk, tmp_path, x, "--batch", "10")
    assert ran.code == 0, ran.err
    assert await desk.state() == by_key(x)
    assert "1 条此前已入库，此后被其他提交改动，已按本文件重新写入" in ran.err
    assert "29 条此前已入库，未重复写入" in ran.out
    # A retry, as after a crash, finds everything as it should be.
    count = len(await desk.arrived())
    assert (await published(desk, tmp_path, x, "--batch", "10")).code == 0
    assert len(await desk.arrived()) == count


async def test_what_was_deleted_since_is_put_back_and_deleted_again(
    desk: Desk, tmp_path: Path
) -> None:
    x, gone = records(3), [{"id": "r1"}]
    for _ in range(2):
        assert (await published(desk, tmp_path, x)).code == 0
        assert await desk.state() == by_key(x)
        assert (await published(desk, tmp_path, gone, "--op", "delete")).code == 0
        assert sorted(await desk.state()) == ["r0", "r2"]


async def test_a_named_run_stores_once_and_says_what_was_changed_since(
    desk: Desk, tmp_path: Path
) -> None:
    x = records(3)
    y = [{**x[0], "amount": -1}, *x[1:]]
    assert (await published(desk, tmp_path, x, "--run", "monday")).code == 0
    assert (await published(desk, tmp_path, y)).code == 0
    again = await published(desk, tmp_path, x, "--run", "monday")
    assert again.code == 1
    assert "1 条此前已以同名的 --run 入库" in again.err
    assert await desk.state() == by_key(y)


async def test_of_many_records_receipts_tell_whether_to_look(desk: Desk, tmp_path: Path) -> None:
    x = records(putting_back.FEW + 100)
    y = [{**x[0], "amount": -1}, *x[1:]]
    for sent in (x, x, y):
        assert (await published(desk, tmp_path, sent)).code == 0
        assert await desk.state() == by_key(sent)
    ran = await published(desk, tmp_path, x)
    assert ran.code == 0, ran.err
    assert await desk.state() == by_key(x)
    assert "1 条此前已入库，此后被其他提交改动" in ran.err


async def test_what_cannot_be_compared_is_not_called_done(
    desk: Desk, world: World, tmp_path: Path
) -> None:
    """Without the contract nobody knows which items are the key."""
    blind = await world.client(desk.sharing.provider, ["records:publish"])
    terminal = desk.provider.of(blind, world.base_url)
    file = write(tmp_path / "in.ndjson", records(3))
    for _ in range(2):
        assert (await terminal.run("publish", file, *desk.to)).code == 0
    changed = [{**records(1)[0], "amount": 9}]
    await desk.sharing.publisher.publish(desk.sharing.resource, changed)
    again = await terminal.run("publish", file, *desk.to)
    assert again.code == 1
    assert "无法核对" in again.err
