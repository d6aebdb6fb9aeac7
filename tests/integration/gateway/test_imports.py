"""The catalogue comes from workbooks, line by line or as a whole, and goes back into them."""

import asyncio
import io
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from deploy.local.stack import Endpoints
from gateway.workbooks.catalogue import LAYOUT
from gateway.workbooks.elements import ELEMENT
from gateway.workbooks.importing import CSV, XLSX
from kernel import jobs
from kernel.actor import Actor
from kernel.blob_store import Folder
from kernel.blobs import Blobs, add
from kernel.database import Database
from kernel.jobs import NewJob, Status
from kernel.master_key import open_box
from kernel.settings import of
from kernel.workbooks.writing import Heading, Sheet, write
from tests.support import processes
from tests.support.callers import Caller
from tests.support.databases import connected, own_database
from tests.support.eventually import eventually
from tests.support.world import Department, World, unique

ENTRY = {
    "摘要": "摘要", "分类代码": "101001", "行政区划代码": "450000", "信息资源格式": "数据库",
    "更新周期": "每日", "共享类型": "无条件共享", "共享方式": "拉取", "开放类型": "不予开放",
    "数据级别": "1级", "保密审查是否通过": "是", "保密审查人": "韦某", "保密审查日期": "2026-01-05",
    "个人信息保护影响评估是否通过": "是", "个人信息保护影响评估人": "韦某",
    "个人信息保护影响评估日期": "2026-01-05",
}  # fmt: skip
Line = Mapping[str, str]


def entry(name: str, **changes: str) -> Line:
    return {"资源名称": name, **ENTRY, **changes}


def item(name: str, element: str) -> Line:
    return {
        "资源名称": name, "信息项名称": "id", "信息项中文名": "编号", "数据元代码": element,
        "是否必填": "是", "是否主键": "是", "数源或引用": "引用",
    }  # fmt: skip


def workbook(entries: Sequence[Line], items: Sequence[Line]) -> bytes:
    parts = [(LAYOUT.master, entries), (LAYOUT.detail, items)]
    return write(
        Sheet(
            part.sheet,
            [Heading(each.label) for each in part.columns],
            [[row.get(each.label, "") for each in part.columns] for row in rows],
        )
        for part, rows in parts
        if part is not None
    )


async def send(
    who: Caller,
    what: str,
    content: bytes,
    media: str = XLSX,
    key: str = "",
    **how: bool,
) -> httpx.Response:
    headers = {"Content-Type": media} | ({"Idempotency-Key": key} if key else {})
    return await who.post(f"/v1/imports/{what}", content=content, headers=headers, params=how)


async def ended(who: Caller, job_id: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def over() -> bool:
        seen.update(await who.ask("GET", f"/v1/jobs/{job_id}"))
        return seen["status"] not in ("queued", "running")

    await eventually(over, within_seconds=20)
    return seen


async def done(
    who: Caller, what: str, content: bytes, media: str = XLSX, **how: bool
) -> dict[str, Any]:
    answer = await send(who, what, content, media, "", **how)
    assert answer.status_code == 202, answer.text
    return await ended(who, answer.json()["job_id"])


async def lines(who: Caller, job: Mapping[str, Any], sheet: str) -> list[dict[str, str]]:
    answer = await who.get(job["result"]["url"])
    assert len(answer.content) == job["result"]["bytes"]
    return rows_of(answer.content, sheet)


def rows_of(content: bytes, sheet: str) -> list[dict[str, str]]:
    head, *rows = (
        CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(sheet).to_python()
    )
    return [dict(zip(map(str, head), map(str, row), strict=True)) for row in rows]


async def names(who: Caller, department: Department) -> dict[str, dict[str, Any]]:
    found = await who.ask("GET", f"/v1/resources?department={department.uscc}&limit=200")
    return {each["name"]: each for each in found["items"]}


@pytest.fixture(scope="module")
async def office(world: World) -> Department:
    return await world.department()


@pytest.fixture(scope="module")
async def element(world: World) -> str:
    return await world.lend(await world.element())


async def test_lines_that_are_right_are_drafted_and_wrong_ones_told(
    office: Department, element: str
) -> None:
    good, bad = unique("好"), unique("坏")
    content = workbook(
        [entry(good), entry(bad, 摘要="", 数据级别="9级"), entry(unique("缺"))],
        [item(good, element), item(bad, element), item("谁的", element)],
    )
    job = await done(office.clerk, "catalogue", content)
    assert (job["status"], job["done"], job["total"], job["errors_count"]) == ("done", 3, 3, 3)
    told = await lines(office.clerk, job, "资源目录")
    assert [line["处理结果"] for line in told] == ["新建", "未导入", "未导入"]
    assert "摘要" in told[1]["错误原因"]
    assert "数据级别" in told[1]["错误原因"]
    below = await lines(office.clerk, job, "信息项")
    assert "没有对应" in below[2]["错误原因"]
    found = await names(office.clerk, office)
    assert found[good]["status"] == "draft"
    assert bad not in found


async def test_a_draft_is_changed_by_its_name_and_what_is_published_is_refused(
    world: World, office: Department, element: str
) -> None:
    name = unique("稿")
    content = workbook([entry(name)], [item(name, element)])
    await done(office.clerk, "catalogue", content)
    changed = workbook([entry(name, 摘要="新的摘要")], [item(name, element)])
    job = await done(office.clerk, "catalogue", changed)
    assert (await lines(office.clerk, job, "资源目录"))[0]["处理结果"] == "修改"
    shown = (await names(office.clerk, office))[name]
    assert shown["abstract"] == "新的摘要"
    world.adopt(shown["id"], office)
    await world.publish(shown["id"])
    job = await done(office.clerk, "catalogue", changed)
    assert "revise" in (await lines(office.clerk, job, "资源目录"))[0]["错误原因"]


async def test_all_or_nothing_and_a_trial_leave_nothing(office: Department, element: str) -> None:
    one, two = unique("一"), unique("二")
    mixed = workbook([entry(one), entry(two, 摘要="")], [item(one, element), item(two, element)])
    whole = await done(office.clerk, "catalogue", mixed, all_or_nothing=True)
    assert (whole["status"], whole["problem"]["code"]) == ("failed", "validation_failed")
    assert {line["处理结果"] for line in await lines(office.clerk, whole, "资源目录")} == {"未导入"}
    tried = await done(office.clerk, "catalogue", mixed, dry_run=True)
    results = [line["处理结果"] for line in await lines(office.clerk, tried, "资源目录")]
    assert results == ["可以导入", "未导入"]
    assert {one, two}.isdisjoint(await names(office.clerk, office))
    right = workbook([entry(one), entry(two)], [item(one, element), item(two, element)])
    assert (await done(office.clerk, "catalogue", right, all_or_nothing=True))["status"] == "done"
    assert {one, two} <= (await names(office.clerk, office)).keys()


async def test_what_is_exported_is_imported_again(office: Department, element: str) -> None:
    name = unique("出")
    await done(office.clerk, "catalogue", workbook([entry(name)], [item(name, element)]))
    answer = await office.clerk.get("/v1/exports/catalogue.xlsx")
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX)
    rows = [row for row in rows_of(answer.content, "资源目录") if row["资源名称*"] == name]
    assert rows[0]["资源代码"]
    job = await done(office.clerk, "catalogue", answer.content)
    told = {line["资源名称*"]: line for line in await lines(office.clerk, job, "资源目录")}
    assert told[name]["处理结果"] == "修改"
    template = await office.clerk.get("/v1/templates/catalogue.xlsx")
    assert template.content.startswith(b"PK")


async def test_elements_and_code_lists_come_by_csv(world: World) -> None:
    standard, code, listed = await world.standard(), unique("DE-"), unique("CL-")
    head = "数据元代码,数据元名称,定义,数据类型,标准编号,敏感级别,是否个人信息"
    row = f"{code},名称,定义,字符,{standard},1级,否"
    content = f"{head}\r\n{row}\r\n".encode("gbk")
    assert (await done(world.authority, "elements", content, CSV))["errors_count"] == 0
    assert (await world.authority.get(f"/v1/elements/{code}")).status_code == 200
    again = await done(world.authority, "elements", content, CSV)
    assert (await lines(world.authority, again, "数据元"))[0]["处理结果"] == "修改"
    raised = f"{head}\r\n{row}\r\n".replace("1级", "2级").encode("gbk")
    fixed = await done(world.authority, "elements", raised, CSV)
    assert fixed["errors_count"] == 0
    lowered = await done(world.authority, "elements", content, CSV)
    assert "只能提高" in (await lines(world.authority, lowered, "数据元"))[0]["错误原因"]
    head = "代码集代码,代码集名称,标准编号,版本,生效日期,代码,名称"
    rows = [f"{listed},名称,{standard},1,2020-01-01,0{n},值{n}" for n in range(3)]
    content = "\r\n".join([head, *rows]).encode("utf-8-sig")
    assert (await done(world.authority, "code-lists", content, CSV))["errors_count"] == 0
    found = await world.authority.ask("GET", f"/v1/code-lists/{listed}/items")
    assert [each["value"] for each in found["items"]] == ["00", "01", "02"]
    answer = await world.authority.get("/v1/exports/elements.xlsx")
    assert code in {row["数据元代码*"] for row in rows_of(answer.content, "数据元")}


async def test_of_lines_that_are_done_together_those_that_are_wrong_alone_are_refused(
    world: World,
) -> None:
    """Fifty are registered at once; one that is refused takes none of the others with it."""
    standard, mark = await world.standard(), unique("BL")
    head = "数据元代码,数据元名称,定义,数据类型,最大长度,标准编号,敏感级别,是否个人信息"
    rows = [f"{mark}{n},第{n}项{mark},登记内容,字符,20,{standard},1级,否" for n in range(9)]
    rows[4] = rows[4].replace(standard, "没有的标准")
    rows += [rows[2], rows[3].replace(f"{mark}3", f"{mark}9").replace("字符", "整数")]
    job = await done(world.authority, "elements", "\n".join([head, *rows]).encode(), CSV)
    assert (job["status"], job["errors_count"]) == ("done", 3)
    told = [line["处理结果"] for line in await lines(world.authority, job, "数据元")]
    assert [at for at, result in enumerate(told) if result == "未导入"] == [4, 9, 10]
    found = await world.authority.ask("GET", f"/v1/elements?q={mark}&limit=200")
    assert len(found["items"]) == 8


async def test_what_others_publish_already_is_told_beside_the_line(world: World) -> None:
    """A department that fills in a workbook learns there that it would collect again (Art 19)."""
    holder, asker = await world.department(), await world.department()
    label = unique("渔船")
    element = await world.element(name=f"{label}编号")
    same = await world.element(name=f"{label}号码")
    await world.source(holder, element)
    own = {"name": "no", "element": element, "role": "source"}
    published = await world.resource(holder, [{"name": "id", "key": True}, own])
    twin, other = unique("渔船登记"), unique("港口")
    key = await world.lend(await world.element())
    second = {"信息项名称": "no", "是否主键": "否"}
    content = workbook(
        [entry(twin), entry(other)],
        [item(twin, key), {**item(twin, same), **second}, item(other, key)],
    )
    job: dict[str, Any] = {}
    for tries in (True, False):
        job = await done(asker.clerk, "catalogue", content, dry_run=tries)
        told = await lines(asker.clerk, job, "资源目录")
        assert f"{holder.name}《" in told[0]["可能重复"]
        assert f"（资源代码 {published}）：1/1 项相同" in told[0]["可能重复"]
        assert told[1]["可能重复"] == ""
    answer = await asker.clerk.get(job["result"]["url"])
    again = await done(asker.clerk, "catalogue", answer.content)
    assert again["errors_count"] == 0


async def test_an_element_that_is_there_under_another_code_is_told(world: World) -> None:
    standard, name = await world.standard(), unique("渔港")
    known = await world.element(name=f"{name}地址", max_length=100)
    head = "数据元代码,数据元名称,定义,数据类型,标准编号,敏感级别,是否个人信息"
    rows = [
        f"{unique('DE-')},{n},测试所用,字符,{standard},1级,否" for n in (f"{name}住址", unique())
    ]
    content = "\r\n".join([head, *rows]).encode()
    job = await done(world.authority, "elements", content, CSV)
    told = [line["可能重复"] for line in await lines(world.authority, job, "数据元")]
    assert f"数据元 {known} {name}地址（相似度 " in told[0]
    assert told[1] == ""


async def test_who_may_and_who_may_follow(world: World, office: Department) -> None:
    other = await world.department()
    answer = await send(office.clerk, "catalogue", b"no workbook")
    job_id = answer.json()["job_id"]
    job = await ended(office.clerk, job_id)
    assert (job["status"], job["problem"]["code"]) == ("failed", "file_unreadable")
    assert (await office.head.get(f"/v1/jobs/{job_id}")).status_code == 200
    for stranger in (other.clerk, other.head, world.authority):
        for path in ("", "/result"):
            assert (await stranger.get(f"/v1/jobs/{job_id}{path}")).status_code == 404
        assert (await stranger.post(f"/v1/jobs/{job_id}/cancel")).status_code == 404
    assert (await office.clerk.post(f"/v1/jobs/{job_id}/cancel")).status_code == 409
    assert (await office.clerk.get(f"/v1/jobs/{job_id}/result")).status_code == 410
    assert (await send(office.head, "catalogue", b"x")).status_code == 403
    assert (await send(office.clerk, "elements", b"x")).status_code == 403
    assert (await send(office.clerk, "catalogue", b"x", "application/json")).status_code == 415


async def test_a_file_that_is_sent_thrice_at_once_drafts_each_entry_once(
    world: World, element: str
) -> None:
    """Each job looked for the name before another had drafted it: two entries of one name."""
    office, name = await world.department(), unique("三次")
    content = workbook([entry(name)], [item(name, element)])
    answers = await asyncio.gather(*(send(office.clerk, "catalogue", content) for _ in range(3)))
    jobs = [await ended(office.clerk, answer.json()["job_id"]) for answer in answers]
    assert [(job["status"], job["errors_count"]) for job in jobs] == [("done", 0)] * 3
    found = await office.clerk.ask("GET", f"/v1/resources?department={office.uscc}")
    assert [each["name"] for each in found["items"]] == [name]


async def test_a_retry_of_a_file_is_the_same_job(office: Department) -> None:
    key = unique()
    first = await send(office.clerk, "catalogue", b"a", key=key)
    again = await send(office.clerk, "catalogue", b"a", key=key)
    assert (first.json(), again.status_code) == (again.json(), 202)
    other = await send(office.clerk, "catalogue", b"b", key=key)
    assert other.json()["code"] == "idempotency_key_reused"


async def test_a_worker_that_is_killed_is_followed_and_each_line_is_done_once(
    endpoints: Endpoints, settings: dict[str, str], tmp_path: Path
) -> None:
    rows = 3_000
    async with own_database(endpoints.database_url, 6) as own:
        mine = {**settings, "SHUYUAN_DATABASE_URL": own.url, "SHUYUAN_BLOBS_DIR": str(tmp_path)}
        job_id = await _begin(own, mine, tmp_path, rows)

        async def committed() -> int:
            async with own.reading() as session:
                row = await jobs.find(session, job_id)
                assert row is not None
                assert row.status != Status.FAILED, row.problem
                return row.done if row.status != Status.DONE else rows + 1

        async def some() -> bool:
            return await committed() > 0

        async def all_of_them() -> bool:
            return await committed() > rows

        with processes.worker(mine, tmp_path / "first.log") as first:
            await eventually(some, within_seconds=30)
            first.process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(first.process.wait, 60)
        assert await committed() < rows
        with processes.worker(mine, tmp_path / "second.log"):
            await eventually(all_of_them, within_seconds=60)
        async with connected(own.url) as connection:
            events = "SELECT count(*), count(DISTINCT subject_id) FROM kernel.audit_event"
            found = await connection.fetchrow(f"{events} WHERE event = 'element.registered'")
            assert tuple(found) == (rows, rows)
            lines_told = "SELECT count(*) FROM kernel.job_line WHERE note->>'done' = '新建'"
            assert await connection.fetchval(lines_told) == rows


async def _begin(own: Database, mine: Mapping[str, str], folder: Path, rows: int) -> str:
    """Queue an import of elements by an authority of that database."""
    head = [column.label for column in ELEMENT]
    usual = {"数据元名称": "名称", "定义": "定义", "数据类型": "字符", "标准编号": "GB/T 1"}
    usual |= {"敏感级别": "1级", "是否个人信息": "否"}
    text = [
        head,
        *([usual.get(n, f"DE{i}" if n == head[0] else "") for n in head] for i in range(rows)),
    ]
    content = "\r\n".join(",".join(line) for line in text).encode()
    uscc, person = "11450000MB0000019D", unique()
    async with connected(own.url) as connection:
        await connection.execute(
            "INSERT INTO auth.department (uscc, name, region_code, authority, standing_consent,"
            " status, revision, created_at)"
            " VALUES ($1, '局', '450000', true, false, 'active', 1, now())",
            uscc,
        )
        await connection.execute(
            "INSERT INTO auth.person (id, username, name, department, roles, password_hash, status,"
            " generation, revision, created_at, password_temporary)"
            " VALUES ($1, $1, '韦某', $2, '{authority}', '', 'active', 1, 1, now(), false)",
            person,
            uscc,
        )
        await connection.execute(
            "INSERT INTO catalog.standard (code, title, created_at) VALUES ('GB/T 1', 'x', now())"
        )

    async def pieces() -> Any:  # noqa: ANN401
        yield content

    stored = await Blobs(Folder(folder)).write(pieces(), most_bytes=len(content))
    async with own.transaction() as session:
        box = await open_box(session, of(mine))
        add(session, box, stored, media=CSV, name="elements")
        how = {"media": CSV, "dry_run": False, "all_or_nothing": False}
        new = NewJob(kind="import.elements", arguments=how, input_blob=stored.id)
        return (await jobs.add(session, Actor("person", person, uscc), new)).id
