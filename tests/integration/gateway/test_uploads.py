"""A clerk sends records as a file; valid rows are loaded once, and the others come back."""

import httpx

from tests.support.callers import Caller
from tests.support.jobs import ended, rows
from tests.support.world import World, unique

CONTENT = "编号,name,amount\n甲,一,1\n乙,,2.0\n丙,三,x\n丁,四,4\n"
MAPPING = '{"编号": "id"}'


async def send(
    who: Caller, resource: str, content: bytes, key: str = "", name: str = "数据.csv", **how: str
) -> httpx.Response:
    query = "&".join(f"{each}={value}" for each, value in how.items() if each != "mapping")
    return await who.post(
        f"/v1/resources/{resource}/uploads?{query}",
        files={"file": (name, content)},
        data={"mapping": how["mapping"]} if "mapping" in how else {},
        headers={"Idempotency-Key": key or unique()},
    )


async def test_valid_rows_are_loaded_once_by_name_and_the_others_come_back(world: World) -> None:
    department = await world.department()
    clerk, resource = department.clerk, await world.resource(department)
    content, path = CONTENT.encode("gbk"), f"/v1/receipts?resource_id={resource}"

    tried = await send(clerk, resource, content, dry_run="true", mapping=MAPPING)
    job = await ended(clerk, tried.json()["job_id"])
    assert (job["status"], job["total"], job["errors_count"]) == ("done", 4, 2)
    assert (await clerk.ask("GET", path))["items"] == []

    key = unique()
    first = await send(clerk, resource, content, key, mapping=MAPPING)
    again = await send(clerk, resource, content, key, mapping=MAPPING)
    assert first.status_code == 202, first.text
    assert again.json() == first.json()
    job = await ended(clerk, first.json()["job_id"])
    assert (job["status"], job["done"], job["errors_count"]) == ("done", 2, 2)
    faults = {row["编号"]: row["错误原因"] for row in await rows(clerk, job, "数据")}
    assert faults["甲"] == faults["丁"] == ""
    assert "name" in faults["乙"]
    assert "amount" in faults["丙"]
    told = {row["事项"]: row["内容"] for row in await rows(clerk, job, "说明")}
    (receipt,) = (await clerk.ask("GET", path))["items"]
    assert told["回执"] == receipt["receipt_id"]
    assert receipt["accepted"] == 2
    me = await clerk.ask("GET", "/v1/me")
    seen = await world.auditor.ask("GET", f"/v1/audit?event=records.uploaded&actor_id={me['id']}")
    assert [each["subject_id"] for each in seen["items"]] == [resource]


async def test_what_cannot_be_taken_is_refused_before_anything_is_kept(world: World) -> None:
    department, stranger = await world.department(), await world.department()
    resource = await world.resource(department)
    draft = await world.resource(department, publish=False)
    content = CONTENT.encode()
    answers = [
        await send(stranger.clerk, resource, content),
        await send(department.head, resource, content),
        await send(department.clerk, draft, content),
        await send(department.clerk, resource, content, replace="true"),
        await send(department.clerk, resource, content, name="数据.pdf"),
        await send(department.clerk, resource, content, mapping="[1]"),
        await department.clerk.post(f"/v1/resources/{resource}/uploads", {"file": "a"}),
    ]
    told = [(each.status_code, each.json()["code"]) for each in answers]
    assert told == [
        (403, "not_your_department"), (403, "role_required"), (409, "resource_not_published"),
        (422, "validation_failed"), (422, "validation_failed"), (422, "validation_failed"),
        (415, "unsupported_media_type"),
    ]  # fmt: skip
    job = (await send(department.clerk, resource, b"x,y\n1,2\n")).json()
    failed = await ended(department.clerk, job["job_id"])
    assert failed["status"] == "failed"
    assert {each["code"] for each in failed["problem"]["errors"]} >= {"unknown_item", "missing"}
