"""One department acts for another, and both are named (Order 809 Art 36)."""

import asyncio
from datetime import timedelta
from typing import Any

from kernel.clock import now
from kernel.workdays import local_date
from tests.support.callers import Caller
from tests.support.world import Department, World

Json = dict[str, Any]


def terms(to: Department, *powers: str, days: int = 30) -> Json:
    today = local_date(now())
    until = str(today + timedelta(days=days))
    return {"to": to.uscc, "powers": list(powers), "from": str(today), "until": until}


async def acting(
    who: Caller, department: Department, method: str, path: str, body: Json | None = None
) -> tuple[int, Json]:
    headers = {"Exchange-On-Behalf-Of": department.uscc}
    answer = await who.send(method, path, body, headers=headers)
    return answer.status_code, answer.json()


async def test_a_delegate_acts_for_the_department_and_both_are_named(world: World) -> None:
    owner, delegate, stranger = await asyncio.gather(*(world.department() for _ in range(3)))
    entry = await world.entry(owner, [])
    assert (await acting(delegate.clerk, owner, "POST", "/v1/resources", entry))[0] == 403
    body = terms(delegate, "catalogue")
    assert (await owner.clerk.post("/v1/delegations", body)).status_code == 403
    proposed = await owner.head.ask("POST", "/v1/delegations", body)
    path = f"/v1/delegations/{proposed['id']}"
    assert (proposed["status"], proposed["to_name"]) == ("proposed", delegate.name)
    assert (await stranger.head.get(path)).status_code == 404
    tasks = (await delegate.head.ask("GET", "/v1/me/tasks?limit=200"))["items"]
    assert [each["kind"] for each in tasks] == ["delegation.consent"]
    assert (await owner.head.post(f"{path}/consent")).status_code == 403
    assert (await acting(delegate.clerk, owner, "POST", "/v1/resources", entry))[0] == 403
    agreed = await delegate.head.ask("POST", f"{path}/consent")
    assert (agreed["status"], agreed["from"]) == ("active", body["from"])

    status, made = await acting(delegate.clerk, owner, "POST", "/v1/resources", entry)
    assert (status, made["department"]) == (201, owner.uscc)
    resource = f"/v1/resources/{made['id']}"
    assert (await acting(delegate.clerk, owner, "GET", resource))[0] == 200
    assert (await delegate.clerk.get(resource)).status_code == 404
    told = await world.auditor.ask("GET", f"/v1/audit?subject_id={made['id']}")
    [event] = told["items"]
    assert (event["department"], event["details"]["delegate"]) == (owner.uscc, delegate.uscc)
    # Any power read all records of the department, and what was in quarantine.
    for shown in ("records", "quarantine"):
        status, refused = await acting(delegate.clerk, owner, "GET", f"{resource}/{shown}")
        assert (status, refused["code"]) == (403, "not_delegated")
    more = await owner.head.ask("POST", "/v1/delegations", terms(delegate, "publish"))
    await delegate.head.ask("POST", f"/v1/delegations/{more['id']}/consent")
    assert (await acting(delegate.clerk, owner, "GET", f"{resource}/quarantine"))[0] == 200
    await owner.head.ask("POST", f"/v1/delegations/{more['id']}/end")
    demand: Json = {**dict.fromkeys(("title", "description", "basis", "scenario"), "测试")}
    demand |= {"items": ["姓名"], "region_code": "450000"}
    status, refused = await acting(delegate.clerk, owner, "POST", "/v1/demands", demand)
    assert (status, refused["code"]) == (403, "not_delegated")
    assert (await acting(stranger.clerk, owner, "GET", resource))[0] == 403
    # A system publishes and reads in its own name alone: the header was overlooked there.
    system = await world.client(delegate)
    for method, path_of_records in (
        ("POST", f"{resource}/records"),
        ("GET", "/v1/subscriptions/none/records"),
        ("POST", "/v1/subscriptions/none/query"),
    ):
        status, refused = await acting(system, owner, method, path_of_records, {})
        assert (status, refused["code"]) == (403, "not_delegated")

    await owner.head.ask("POST", f"{path}/end")
    assert (await acting(delegate.clerk, owner, "GET", resource))[0] == 403
    again = await delegate.head.post(f"{path}/end")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")


async def test_applications_of_a_delegate_are_the_departments(world: World) -> None:
    owner, delegate, provider = await asyncio.gather(*(world.department() for _ in range(3)))
    made = await owner.head.ask("POST", "/v1/delegations", terms(delegate, "apply"))
    await delegate.head.ask("POST", f"/v1/delegations/{made['id']}/consent")
    demand: Json = {**dict.fromkeys(("title", "description", "basis", "scenario"), "测试")}
    demand |= {"items": ["姓名"], "region_code": "450000"}
    status, drafted = await acting(delegate.clerk, owner, "POST", "/v1/demands", demand)
    assert (status, drafted["department"]) == (201, owner.uscc)
    path = f"/v1/demands/{drafted['id']}"
    assert (await acting(delegate.head, owner, "POST", f"{path}/submit"))[0] == 200
    shown = await owner.clerk.ask("GET", path)
    for step in shown["history"]:
        assert (step["department"], step["actor_department"]) == (owner.uscc, delegate.uscc)
    wrong = [
        (terms(owner, "apply"), "to"),
        ({**terms(delegate, "apply"), "until": "2020-01-01"}, "until"),
    ]
    for body, field in wrong:
        answer = await owner.head.post("/v1/delegations", body)
        assert [error["path"] for error in answer.json()["errors"]] == [field]
    entry = await world.entry(provider, [])
    assert (await acting(delegate.clerk, owner, "POST", "/v1/resources", entry))[0] == 403
