"""`shuyuan publish --errors`: what was refused comes back to be corrected and published."""

import asyncio
import os
from pathlib import Path

from shuyuan_client import xlsx
from shuyuan_client.record_files import FAULT
from tests.support.desk import Desk, records, write
from tests.support.terminal import Ran

# What the file itself has wrong, and what only the contract knows: three rows of each.
ROWS = """id,name,amount
r1,一,1
r2,二,2,多余
r3,三,很多
r4,四,4
r4,四,5
r6,,6
"""


def faults(file: Path) -> dict[str, str]:
    heading, *rows = [cells for _line, cells in xlsx.rows(file)]
    assert heading[-1] == FAULT
    return {row[0] + row[2]: row[-1] for row in rows}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def published(desk: Desk, file: Path, *options: str | Path) -> Ran:
    return await desk.provider.run("publish", file, *desk.to, *options)


async def test_refused_rows_come_back_and_are_published_when_corrected(
    desk: Desk, tmp_path: Path
) -> None:
    file, errors = tmp_path / "登记簿.csv", tmp_path / "错误行.xlsx"
    file.write_text(ROWS, encoding="utf-8")
    looked = await published(desk, file, "--dry-run", "--errors", tmp_path / "look.xlsx")
    assert looked.code == 1
    assert await desk.arrived() == []
    ran = await published(desk, file, "--errors", errors)
    assert ran.code == 1, ran.err
    assert "5 行" in ran.err
    assert "Traceback" not in ran.err
    assert [line["key"] for line in await desk.arrived()] == ["r1"]
    assert errors.stat().st_mode & 0o077 == 0
    found = faults(errors)
    assert found == faults(tmp_path / "look.xlsx")
    assert list(found) == ["r22", "r3很多", "r44", "r45", "r66"]
    assert "多余" in found["r22"]
    assert "wrong_type" in found["r3很多"]
    assert "5, 6 行" in found["r45"]
    assert "missing" in found["r66"]
    # The wrong cells are corrected here as a person would in the workbook.
    corrected = tmp_path / "更正.csv"
    corrected.write_text(f"id,name,amount,{FAULT}\nr3,三,3,第 4 行 wrong_type\nr6,六,6.0,\n")
    again = await published(desk, corrected)
    assert again.code == 0, again.err
    assert await desk.state() == {
        "r1": {"id": "r1", "name": "一", "amount": 1},
        "r3": {"id": "r3", "name": "三", "amount": 3},
        "r6": {"id": "r6", "name": "六", "amount": 6},
    }


async def test_the_workbook_as_it_is_can_be_published(desk: Desk, tmp_path: Path) -> None:
    """Only a wrong type of JSON stood against it, which a table does not have."""
    sent = records(2)
    sent[1]["amount"] = "1"
    errors = tmp_path / "bad.xlsx"
    refused = await published(desk, write(tmp_path / "in.ndjson", sent), "--errors", errors)
    assert refused.code == 1
    again = await published(desk, errors)
    assert again.code == 0, again.err
    assert [line["data"] for line in await desk.arrived()] == records(2)


async def test_what_the_quarantine_keeps_is_in_the_workbook_too(desk: Desk, tmp_path: Path) -> None:
    """A receipt tells the first 100 errors; the workbook has every row."""
    sent = [record | {"amount": "many"} for record in records(150)] + records(1, 150)
    file = write(tmp_path / "in.ndjson", sent)
    options = ("--batch", "10000", "--on-invalid", "quarantine", "--errors", tmp_path / "bad.xlsx")
    ran = await published(desk, file, *options)
    assert ran.code == 1
    assert "150 条无效，已存入隔离区" in ran.err
    assert len(faults(tmp_path / "bad.xlsx")) == 150
    assert len(await desk.arrived()) == 1


async def test_a_workbook_that_cannot_be_written_ends_the_command_before_anything(
    desk: Desk, tmp_path: Path
) -> None:
    file = write(tmp_path / "in.ndjson", records(1))
    (tmp_path / "there.xlsx").touch()
    for name in ("there.xlsx", "errors.csv", "nowhere/errors.xlsx"):
        ran = await published(desk, file, "--errors", tmp_path / name)
        assert ran.code == 1
        assert name in ran.err
        assert "Traceback" not in ran.err
    assert await desk.arrived() == []


async def test_nothing_refused_leaves_no_workbook_and_a_pipe_may_be_read(
    desk: Desk, tmp_path: Path
) -> None:
    content = write(tmp_path / "in.ndjson", records(3)).read_bytes()
    pipe, errors = tmp_path / "pipe.ndjson", tmp_path / "errors.xlsx"
    os.mkfifo(pipe)
    ran, _ = await asyncio.gather(
        published(desk, pipe, "--errors", errors), asyncio.to_thread(pipe.write_bytes, content)
    )
    assert ran.code == 0, ran.err
    assert names_in(tmp_path) == ["in.ndjson", "pipe.ndjson"]
