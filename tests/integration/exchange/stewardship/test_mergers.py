"""The institutional reform of 2016 to 2022 as a story: renamed, merged, founded anew.

Told through the API, with the session's worker: records go on flowing as departments change.
"""

import asyncio
from typing import Any

from sqlalchemy import text

from kernel import clock
from kernel.database import Database
from kernel.workdays import local_date
from tests.support.callers import told
from tests.support.eventually import eventually
from tests.support.world import ClientApp, Department, World, unique

BASIS = "桂发〔2018〕21号《广西壮族自治区机构改革方案》"
Json = dict[str, Any]


def _today() -> str:
    return local_date(clock.now()).isoformat()


async def merge(world: World, one: Department, other: Department, *, dry: bool = False) -> Json:
    body = {"uscc": other.uscc, "on": _today(), "basis": BASIS}
    path = f"/v1/departments/{one.uscc}/merge-into"
    answer = await world.operator.post(path + ("?dry_run=true" if dry else ""), body)
    assert answer.status_code == (200 if dry else 202), answer.text
    merged: Json = answer.json()
    return merged


async def until_merged(world: World, *departments: Department) -> None:
    async def gone() -> bool:
        read = (world.operator.ask("GET", f"/v1/departments/{each.uscc}") for each in departments)
        return all(each["status"] == "abolished" for each in await asyncio.gather(*read))

    await eventually(gone)


async def bureaus(world: World, *names: str) -> list[Department]:
    mark = unique()
    return list(await asyncio.gather(*(world.department(name=name + mark) for name in names)))


async def pull_new(app: ClientApp, subscription: str, cursor: str) -> list[str]:
    page = await app.pull(subscription, cursor)
    return [record["data"]["id"] for record in page.records]


async def test_the_reform_of_2016_to_2022(world: World) -> None:
    """国土厅 and 测绘地信局 become 自然资源厅; 工商局 and 质监局 市场监管局; 地税局 税务局.

    政管办 becomes part of 大数据发展局, and 卫生计生委 is called 卫生健康委 from then on.
    """
    land, mapping, natural, trade, quality, market, local_tax, tax, affairs, data, health = (
        await bureaus(
            world, "国土资源厅", "测绘地理信息局", "自然资源厅", "工商行政管理局", "质量技术监督局",
            "市场监督管理局", "地方税务局", "税务局", "政务服务管理办公室", "大数据发展局",
            "卫生和计划生育委员会",
        )
    )  # fmt: skip
    path = f"/v1/departments/{health.uscc}"
    old_name, new_name = health.name, unique("卫生健康委员会")
    renamed = await world.operator.patch(path, {"name": new_name}, headers={"If-Match": "*"})
    assert told(renamed)["former_names"] == [{"name": old_name, "until": _today()}]
    found = await world.operator.ask("GET", "/v1/departments", params={"q": old_name})
    assert [each["uscc"] for each in found["items"]] == [health.uscc]

    pairs = (
        (land, natural), (mapping, natural), (trade, market), (quality, market),
        (local_tax, tax), (affairs, data),
    )  # fmt: skip
    # Whoever signs in before the merger holds a token of the department that will be no more.
    assert (await mapping.clerk.ask("GET", "/v1/me"))["department"] == mapping.uscc
    planned = await asyncio.gather(*(merge(world, one, other) for one, other in pairs))
    assert {each["status"] for each in planned} <= {"planned", "done"}
    await until_merged(world, *(one for one, _ in pairs))
    shown = await world.operator.ask("GET", f"/v1/departments/{mapping.uscc}")
    assert (shown["successor"], shown["successor_name"]) == (natural.uscc, natural.name)
    listed = await world.operator.ask("GET", f"/v1/departments/{natural.uscc}/changes")
    assert {each["department"] for each in listed["items"]} == {land.uscc, mapping.uscc}
    assert {each["status"] for each in listed["items"]} == {"done"}
    # Whoever worked there works for the successor, under the token of before.
    clerk = await mapping.clerk.ask("GET", "/v1/me")
    assert clerk["department"] == natural.uscc


async def checked(database: Database, resource: str) -> None:
    """Write that an entry was checked on the first day of the year."""
    async with database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO exchange.quality_check
                    (resource_id, day, rule, dimension, checked, failed, measured_at)
                VALUES (:id, '2026-01-01', 'update_cycle', '时效', 1, 0, '2026-01-01T12:00:00Z')
            """),
            {"id": resource},
        )


async def entry_days(who: Department) -> int:
    query = "indicator=updated_timely&from=2026-01-01&to=2026-01-01"
    [figure] = (await who.head.ask("GET", f"/v1/stats/indicators?{query}"))["items"]
    return int(figure["denominator"])


async def test_records_flow_on_through_a_merger(world: World, database: Database) -> None:
    sharing = await world.sharing()
    land, natural = sharing.provider, await world.department()
    await checked(database, sharing.resource)
    assert (await entry_days(land), await entry_days(natural)) == (1, 0)
    await sharing.publisher.publish(sharing.resource, [{"id": "1", "name": "壹"}])
    first = await sharing.subscriber.pull_all(sharing.subscription)
    assert [record["data"]["id"] for record in first.records] == ["1"]
    # What the two share with each other ends; what is applied for between them has no object.
    theirs, reader = await asyncio.gather(world.resource(natural), world.client(land))
    between = await world.subscription(theirs, land, reader)
    pending = await world.application(theirs, land, reader)
    await land.head.ask("POST", f"/v1/applications/{pending}/sign")

    effects = (await merge(world, land, natural, dry=True))["effects"]
    assert effects["entries"]["items"] == [sharing.resource]
    assert effects["subscriptions_as_provider"]["items"] == [sharing.subscription]
    assert effects["subscriptions_ended"]["items"] == [between]
    assert effects["applications_withdrawn"]["items"] == [pending]
    assert effects["clients"] == 2
    before = await world.operator.ask("GET", f"/v1/departments/{land.uscc}")
    assert before["status"] == "active"
    async with asyncio.TaskGroup() as waiting:
        poll = waiting.create_task(
            sharing.subscriber.pull(sharing.subscription, first.cursor, wait=25)
        )
        await merge(world, land, natural)
        await until_merged(world, land)
        # The system of before publishes for the successor, with the token that it has.
        await sharing.publisher.publish(sharing.resource, [{"id": "2", "name": "贰"}])
    if not (arrived := [record["data"]["id"] for record in poll.result().records]):
        arrived = await pull_new(sharing.subscriber, sharing.subscription, poll.result().cursor)
    assert arrived == ["2"]
    assert await pull_new(sharing.subscriber, sharing.subscription, first.cursor) == ["2"]

    resource, subscription, ended, withdrawn = await asyncio.gather(
        natural.clerk.ask("GET", f"/v1/resources/{sharing.resource}"),
        natural.head.ask("GET", f"/v1/subscriptions/{sharing.subscription}"),
        natural.head.ask("GET", f"/v1/subscriptions/{between}"),
        natural.head.ask("GET", f"/v1/applications/{pending}"),
    )
    assert resource["department"] == natural.uscc
    assert subscription["provider_department"] == natural.uscc
    assert (ended["status"], withdrawn["status"]) == ("terminated", "withdrawn")
    assert await entry_days(natural) == 1
    stopped = await reader.try_pull(between)
    assert (stopped.status_code, stopped.json()["code"]) == (403, "subscription_terminated")
    again = await world.operator.post(
        f"/v1/departments/{land.uscc}/merge-into",
        {"uscc": natural.uscc, "on": _today(), "basis": BASIS},
    )
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


async def test_open_disputes_go_on_with_the_successor(world: World) -> None:
    one, other, provider = await bureaus(world, "甲", "乙", "丙")
    doubled, lone = await asyncio.gather(world.resource(provider), world.resource(provider))

    async def opened(department: Department, resource: str) -> str:
        body = {"about": {"kind": "catalogue", "id": resource}, "claim": "目录有误"}
        told = await department.head.ask("POST", "/v1/disputes", body)
        return f"/v1/disputes/{told['id']}"

    left, kept, given = await asyncio.gather(
        opened(one, doubled), opened(other, doubled), opened(one, lone)
    )
    await one.head.ask("POST", f"{given}/settle", {"text": "更正目录"})
    await merge(world, one, other)
    await until_merged(world, one)
    shown = await other.head.ask("GET", given)
    assert (shown["claimant_department"], shown["settlement_by"]) == (other.uscc, other.uscc)
    # What the merged department proposed is the successor's own: the provider has to agree.
    alone = await other.head.post(f"{given}/settle", {})
    assert (alone.status_code, alone.json()["code"]) == (422, "validation_failed")
    agreed = await provider.head.ask("POST", f"{given}/settle", {})
    assert agreed["status"] == "closed"
    # A department has one open dispute about a thing: the second does not follow.
    claimants = [(await provider.head.ask("GET", each))["claimant_department"]
                 for each in (left, kept)]  # fmt: skip
    assert claimants == [one.uscc, other.uscc]


async def test_a_bad_plan_changes_nothing(world: World) -> None:
    one, other = await bureaus(world, "甲", "乙")
    path = f"/v1/departments/{one.uscc}"
    good = {"uscc": other.uscc, "on": _today(), "basis": BASIS}
    for body, field in (
        ({**good, "on": "2020-01-01"}, "on"),
        ({**good, "on": 5}, "on"),
        ({**good, "uscc": "91450000"}, "uscc"),
        ({**good, "basis": ""}, "basis"),
        ({**good, "extra": 1}, "extra"),
    ):
        for dry in ("", "?dry_run=true"):
            answer = await world.operator.post(f"{path}/merge-into{dry}", body)
            assert answer.status_code == 422, answer.text
            assert answer.json()["errors"][0]["path"] == field
    moved = await world.operator.post(
        f"{path}/move", {"region_code": "450127", "on": _today(), "basis": BASIS}
    )
    assert moved.json()["errors"][0]["allowed"] == ["450181"]
    for caller, code in ((world.security, "role_required"), (one.head, "role_required")):
        refused = await caller.post(f"{path}/merge-into", good)
        assert (refused.status_code, refused.json()["code"]) == (403, code)
    assert (await world.operator.ask("GET", f"{path}/changes"))["items"] == []
    planned = told(await world.operator.post(f"{path}/merge-into", {**good, "on": "2097-01-01"}))
    held = await world.operator.patch(path, {"status": "abolished"}, headers={"If-Match": "*"})
    assert held.status_code == 409
    cancelled = await world.operator.ask(
        "POST", f"{path}/changes/{planned['id']}/cancel", {"reason": "方案调整"}
    )
    assert cancelled["status"] == "cancelled"
