"""`shuyuan publish` and `shuyuan pull` as processes, against a live platform."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from tests.support.desk import Desk, records, write
from tests.support.terminal import Terminal
from tests.support.world import ClientApp, World

PATIENCE_SECONDS = 180


async def test_what_was_published_is_what_is_pulled(desk: Desk, tmp_path: Path) -> None:
    sent = records(1_234)
    published = await desk.provider.run(
        "publish", write(tmp_path / "in.ndjson", sent), *desk.to, "--batch", "100"
    )
    assert published.code == 0, published.err
    assert "1,234" in published.out
    out = tmp_path / "out.ndjson"
    pulled = await desk.consumer.run("pull", *desk.of, "--out", out)
    assert pulled.code == 0, pulled.err
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["data"] for line in lines] == sent


async def test_a_csv_is_typed_by_the_contract(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text('﻿id,name,amount\n甲,"两\n行",7\n乙,无金额,\n', encoding="utf-8")
    published = await desk.provider.run("publish", file, *desk.to)
    assert published.code == 0, published.err
    assert [line["data"] for line in await desk.arrived()] == [
        {"id": "甲", "name": "两\n行", "amount": 7},
        {"id": "乙", "name": "无金额"},
    ]


async def test_a_file_is_looked_through_before_anything_of_it_is_sent(
    desk: Desk, tmp_path: Path
) -> None:
    """A key in rows 6 and 592 was once published twice, the second after the first (H1)."""
    file = tmp_path / "in.csv"
    rows = [f"r{n},名称,{n}.0" for n in range(600)]
    file.write_text("\n".join(["id,name,amount", *rows, "r5,名称,7"]), encoding="utf-16")
    doubled = await desk.provider.run("publish", file, *desk.to)
    assert doubled.code == 1
    assert "602" in doubled.err
    assert await desk.arrived() == []
    file.write_text("\n".join(["id,name,amount", *rows]), encoding="utf-16")
    looked = await desk.provider.run("publish", file, *desk.to, "--dry-run")
    assert looked.code == 0, looked.err
    assert "0.0 → 0" in looked.err
    assert await desk.arrived() == []
    published = await desk.provider.run("publish", file, *desk.to)
    assert published.code == 0, published.err
    assert len(await desk.arrived()) == 600


async def test_a_dry_run_of_a_pipe_tells_how_many_it_has_checked(
    desk: Desk, tmp_path: Path
) -> None:
    """The count was that of looking through the file, so that of a pipe was always zero."""
    content = write(tmp_path / "in.ndjson", records(3)).read_bytes()
    pipe = tmp_path / "pipe.ndjson"
    os.mkfifo(pipe)
    looked, _ = await asyncio.gather(
        desk.provider.run("publish", pipe, *desk.to, "--dry-run"),
        asyncio.to_thread(pipe.write_bytes, content),
    )
    assert looked.code == 0, looked.err
    assert "3 条全部有效" in looked.out
    assert await desk.arrived() == []


async def test_a_csv_in_the_encoding_of_old_spreadsheets(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes("id,name\n1,瑶族自治县\n".encode("gb18030"))
    refused = await desk.provider.run("publish", file, *desk.to)
    assert refused.code == 1
    assert "--encoding gb18030" in refused.err
    published = await desk.provider.run("publish", file, *desk.to, "--encoding", "gb18030")
    assert published.code == 0, published.err
    assert (await desk.arrived())[0]["data"]["name"] == "瑶族自治县"


async def test_a_json_array_spread_over_lines(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text(json.dumps(records(3), indent=2, ensure_ascii=False), encoding="utf-8")
    published = await desk.provider.run("publish", file, *desk.to)
    assert published.code == 0, published.err
    assert [line["data"] for line in await desk.arrived()] == records(3)


async def test_an_interrupted_publish_is_repeated_without_duplicates(
    desk: Desk, tmp_path: Path
) -> None:
    sent = records(600)
    command = ("publish", write(tmp_path / "in.ndjson", sent), *desk.to, "--batch", "2")
    first = desk.provider.start(*command)
    await until_something_arrived(desk)
    first.kill()
    await asyncio.to_thread(first.communicate)
    before = len(await desk.arrived())
    assert 0 < before < 600
    again = await desk.provider.run(*command)
    assert again.code == 0, again.err
    assert "此前已入库" in again.out
    assert [line["data"] for line in await desk.arrived()] == sent


async def test_an_interruption_is_a_sentence_that_says_how_to_go_on(
    desk: Desk, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe.ndjson"
    os.mkfifo(pipe)
    process = desk.provider.start("publish", pipe, *desk.to, "--batch", "2")
    content = write(tmp_path / "in.ndjson", records(10)).read_bytes()
    with await asyncio.to_thread(pipe.open, "wb", buffering=0) as held_open:
        held_open.write(content)
        await until_something_arrived(desk)
        process.send_signal(signal.SIGINT)
        _out, err = await asyncio.to_thread(process.communicate)
    assert process.returncode == 130, err.decode()
    assert "重复同一命令即可继续" in err.decode()
    assert "Traceback" not in err.decode()


async def until_something_arrived(desk: Desk) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await desk.arrived():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def has_lines(path: Path, count: int) -> bool:
    return path.exists() and path.read_bytes().count(b"\n") >= count


async def test_another_run_of_the_same_file_is_stored_anew(desk: Desk, tmp_path: Path) -> None:
    file = write(tmp_path / "in.ndjson", records(3))
    for run in ("monday", "monday", "tuesday"):
        assert (await desk.provider.run("publish", file, *desk.to, "--run", run)).code == 0
    assert len(await desk.arrived()) == 6


async def test_a_bad_record_is_named_by_its_line_of_the_file(desk: Desk, tmp_path: Path) -> None:
    sent = records(25)
    sent[16]["amount"] = "many"
    file = write(tmp_path / "in.ndjson", sent)
    refused = await desk.provider.run("publish", file, *desk.to, "--batch", "10")
    assert refused.code == 1
    assert "第 17 行  amount" in refused.err
    assert "[wrong_type]" in refused.err
    assert "Traceback" not in refused.err
    before = [line["data"] for line in await desk.arrived()]
    assert before == records(25)[: len(before)]
    assert len(before) < 17
    repaired = await desk.provider.run(
        "publish", write(file, records(25)), *desk.to, "--batch", "10"
    )
    assert repaired.code == 0, repaired.err
    assert [line["data"] for line in await desk.arrived()] == records(25)


async def test_an_edited_file_is_published_again_but_for_what_did_not_change(
    desk: Desk, tmp_path: Path
) -> None:
    """A row taken out once had all behind it written again, or refused (H1)."""
    sent = records(400)
    command = ("publish", tmp_path / "in.ndjson", *desk.to, "--batch", "20")
    write(tmp_path / "in.ndjson", sent)
    assert (await desk.provider.run(*command)).code == 0
    edited = [*sent[:9], *sent[10:200], {**sent[200], "amount": -1}, *sent[201:300],
              *records(1, 900), *sent[300:]]  # fmt: skip
    write(tmp_path / "in.ndjson", edited)
    again = await desk.provider.run(*command)
    assert again.code == 0, again.err
    arrived = [line["data"] for line in await desk.arrived()]
    assert len(arrived) - 400 < 3 * 3 * 20
    latest = {record["id"]: record for record in arrived}
    assert latest == {record["id"]: record for record in [*edited, sent[9]]}


async def test_bad_records_can_be_left_out(desk: Desk, tmp_path: Path) -> None:
    sent = records(250)
    for line in range(0, 250, 2):
        del sent[line]["name"]
    file = write(tmp_path / "in.ndjson", sent)
    ran = await desk.provider.run("publish", file, *desk.to, "--continue")
    assert ran.code == 1
    assert "125 条无效" in ran.err
    assert "第 249 行  name" in ran.err
    assert [line["data"] for line in await desk.arrived()] == records(250)[1::2]


async def test_records_are_deleted_by_their_keys(desk: Desk, tmp_path: Path) -> None:
    await desk.provider.run("publish", write(tmp_path / "in.ndjson", records(2)), *desk.to)
    gone = write(tmp_path / "gone.ndjson", [{"id": "r0"}])
    assert (await desk.provider.run("publish", gone, *desk.to, "--op", "delete")).code == 0
    assert (await desk.arrived())[-1] == {"op": "delete", "key": "r0"}


async def test_pull_goes_on_at_the_committed_position(desk: Desk, tmp_path: Path) -> None:
    await desk.provider.run("publish", write(tmp_path / "a.ndjson", records(3)), *desk.to)
    first = await desk.consumer.run("pull", *desk.of, "--commit")
    assert len(first.lines) == 3
    await desk.provider.run("publish", write(tmp_path / "b.ndjson", records(2, 3)), *desk.to)
    second = await desk.consumer.run("pull", *desk.of)
    assert [json.loads(line)["key"] for line in second.lines] == ["r3", "r4"]
    everything = await desk.consumer.run("pull", *desk.of, "--from", "earliest")
    assert len(everything.lines) == 5


async def test_a_refused_pull_leaves_no_file(
    desk: Desk, world: World, settings: dict[str, str], tmp_path: Path
) -> None:
    stranger: ClientApp = await world.client(desk.sharing.consumer)
    terminal = Terminal(settings).of(stranger, world.base_url)
    refused = await terminal.run("pull", *desk.of, "--out", tmp_path / "out.ndjson")
    assert refused.code == 1
    assert "404 not_found" in refused.err
    assert not names_in(tmp_path)


async def test_a_file_that_exists_is_not_overwritten(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    out.write_text("precious")
    refused = await desk.consumer.run("pull", *desk.of, "--out", out)
    assert refused.code == 1
    assert "已存在" in refused.err
    assert out.read_text() == "precious"


async def test_following_ends_with_whole_pages_and_a_committed_position(
    desk: Desk, tmp_path: Path
) -> None:
    out = tmp_path / "out.ndjson"
    following = desk.consumer.start("pull", *desk.of, "--out", out, "--follow", "--commit")
    await desk.sharing.publisher.publish(desk.sharing.resource, records(3))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not has_lines(out, 3):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    following.send_signal(signal.SIGINT)
    _out, err = await asyncio.to_thread(following.communicate, timeout=PATIENCE_SECONDS)
    assert following.returncode == 0, err.decode()
    assert len(out.read_text().splitlines()) == 3
    rest = await desk.consumer.run("pull", *desk.of)
    assert rest.lines == []


async def test_the_reader_of_a_pull_may_leave(desk: Desk) -> None:
    await desk.sharing.publisher.publish(desk.sharing.resource, records(5_000))
    reader, writer = os.pipe()
    os.close(reader)
    pulling = await asyncio.create_subprocess_exec(
        *desk.consumer.arguments("pull", *desk.of),
        env=desk.consumer.environment(),
        stdout=writer,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writer)
    _out, err = await pulling.communicate()
    assert b"Traceback" not in err
    assert b"Exception" not in err


async def test_a_profile_is_enough(
    desk: Desk, world: World, settings: dict[str, str], tmp_path: Path
) -> None:
    profile = tmp_path / "provider.env"
    profile.write_text(
        f"# the provider\nexport SHUYUAN_BASE_URL='{world.base_url}'\n"
        f"SHUYUAN_CLIENT_ID={desk.sharing.publisher.id}\n"
        f'SHUYUAN_CLIENT_SECRET="{desk.sharing.publisher.secret}"\n'
    )
    printed = await Terminal(settings).run("token", "--profile", profile)
    assert printed.code == 0, printed.err
    headers = {"Authorization": f"Bearer {printed.lines[0]}"}
    me = await world.http.get("/v1/me", headers=headers)
    assert me.json()["id"] == desk.sharing.publisher.id


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"SHUYUAN_CLIENT_SECRET": "wrong"}, 1, "invalid_client"),
        ({"SHUYUAN_CLIENT_SECRET": ""}, 1, "SHUYUAN_CLIENT_SECRET"),
        ({"SHUYUAN_BASE_URL": "http://127.0.0.1:9"}, 3, "shuyuan doctor"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(
    desk: Desk, changes: dict[str, str], code: int, told: str
) -> None:
    terminal = Terminal({**desk.consumer.settings, **changes})
    ran = await terminal.run("pull", *desk.of)
    assert ran.code == code
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1


async def test_english_is_available(desk: Desk) -> None:
    terminal = Terminal({**desk.consumer.settings, "SHUYUAN_LANG": "en"})
    ran = await terminal.run("pull", *desk.of, "--from", "yesterday")
    assert ran.err.startswith("✗ --from must be")
