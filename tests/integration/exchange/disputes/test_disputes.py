"""Two departments disagree: negotiated, then decided by level (Order 809 Art 28)."""

import asyncio
from typing import Any

import pytest

from tests.support.callers import Caller
from tests.support.world import Department, Sharing, World

Json = dict[str, Any]
CLAIM = {"claim": "超出约定用途使用数据"}


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    return await world.sharing()


async def opened(sharing: Sharing) -> str:
    """A dispute of the provider's about the use of the subscription, closed by `done`."""
    path = f"/v1/subscriptions/{sharing.subscription}/disputes"
    told = await sharing.provider.head.ask("POST", path, CLAIM)
    return f"/v1/disputes/{told['id']}"


async def code(who: Caller, path: str, body: Json | None = None) -> tuple[int, str]:
    answer = await who.post(path, body)
    return answer.status_code, answer.json().get("code", "")


async def task(who: Caller, thing: str) -> str | None:
    """Return which task the thing is for somebody, None where it is none."""
    params = {"limit": "200"}
    while True:
        told = (await who.get("/v1/me/tasks", params=params)).json()
        found = [each["kind"] for each in told["items"] if each["thing"] == thing]
        if found or told["next_cursor"] is None:
            return next(iter(found), None)
        params["cursor"] = told["next_cursor"]


async def test_one_proposes_and_the_other_agrees(world: World, sharing: Sharing) -> None:
    dispute = await opened(sharing)
    provider, consumer = sharing.provider, sharing.consumer
    again = f"/v1/subscriptions/{sharing.subscription}/disputes"
    assert await code(provider.head, again, CLAIM) == (409, "conflict")
    assert await code(provider.clerk, again, CLAIM) == (403, "role_required")
    assert await code(consumer.head, f"{dispute}/settle", {}) == (422, "validation_failed")
    proposed = await consumer.head.ask("POST", f"{dispute}/settle", {"text": "删除超范围数据"})
    assert (proposed["status"], proposed["settlement_by"]) == ("open", consumer.uscc)
    countered = await provider.head.ask("POST", f"{dispute}/settle", {"text": "并书面说明"})
    assert (countered["status"], countered["settlement"]) == ("open", "并书面说明")
    agreed = await consumer.head.ask("POST", f"{dispute}/settle", {})
    assert (agreed["status"], agreed["settlement"]) == ("closed", "并书面说明")
    assert (agreed["next"], agreed["decision"]) == ([], None)
    assert await code(consumer.head, f"{dispute}/escalate") == (409, "illegal_transition")
    shown = await provider.clerk.ask("GET", f"/v1/subscriptions/{sharing.subscription}")
    assert shown["status"] == "active"
    outsider = await world.department()
    assert await code(outsider.head, f"{dispute}/settle", {}) == (404, "not_found")


async def test_what_is_not_settled_goes_up_to_the_government(
    world: World, sharing: Sharing
) -> None:
    dispute = await opened(sharing)
    ruling = {"decision": "upheld", "reason": "事实清楚"}
    thing = dispute.rpartition("/")[2]
    assert await task(sharing.consumer.head, thing) == "dispute.reply"
    assert await task(sharing.provider.head, thing) is None
    await sharing.consumer.head.ask("POST", f"{dispute}/reply", {"text": "系统误配置"})
    called = await sharing.provider.head.ask("POST", f"{dispute}/escalate", {"reason": "未整改"})
    assert called["status"] == "escalated"
    early = await code(sharing.consumer.head, f"{dispute}/appeal", {"reason": "不服"})
    assert early == (409, "illegal_transition")
    assert await task(sharing.consumer.head, thing) is None
    assert await task(world.authority, thing) == "dispute.decide"
    city = await world.department("450100", authority=True)
    assert await code(city.authority, f"{dispute}/decide", ruling) == (404, "not_found")
    decided = await world.authority.ask("POST", f"{dispute}/decide", ruling)
    assert decided["appeal_until"] is not None
    appealed = await sharing.consumer.head.ask("POST", f"{dispute}/appeal", {"reason": "不服"})
    assert (appealed["status"], appealed["next"]) == (
        "appealed", [{"action": "conclude", "who": ["authority"]}],
    )  # fmt: skip
    assert await task(world.authority, thing) == "dispute.conclude"
    final = {"decision": "partly", "document": "桂政复〔2026〕8号"}
    assert (await code(sharing.provider.head, f"{dispute}/conclude", final))[0] == 403
    concluded = await world.authority.ask("POST", f"{dispute}/conclude", final)
    assert (concluded["status"], concluded["decision"], concluded["final_decision"]) == (
        "closed", "upheld", "partly",
    )  # fmt: skip
    detail = await sharing.provider.clerk.ask("GET", dispute)
    assert [step["action"] for step in detail["history"]] == [
        "open", "reply", "escalate", "decide", "appeal", "conclude",
    ]  # fmt: skip


async def test_a_county_dispute_is_decided_by_the_authority_of_the_county(world: World) -> None:
    city, county = await asyncio.gather(
        world.department("450100", authority=True), world.department("450103", authority=True)
    )
    one, other = await asyncio.gather(world.department("450103"), world.department("450103"))
    resource = await world.resource(one)
    body = {"about": {"kind": "catalogue", "id": resource}, **CLAIM}
    dispute = f"/v1/disputes/{(await other.head.ask('POST', '/v1/disputes', body))['id']}"
    ruling = {"decision": "dismissed", "reason": "目录无误"}
    for higher in (city.authority, world.authority):
        assert await code(higher, f"{dispute}/decide", ruling) == (403, "not_your_department")
        assert (await higher.ask("GET", dispute))["allowed"] == []
    assert (await county.authority.ask("GET", dispute))["allowed"] == ["decide"]
    assert (await county.authority.ask("POST", f"{dispute}/decide", ruling))["status"] == "decided"
    listed = (await county.authority.ask("GET", "/v1/disputes?role=authority"))["items"]
    assert [each["about"]["resource_id"] for each in listed] == [resource]


async def test_each_kind_is_between_the_departments_of_its_thing(
    world: World, sharing: Sharing
) -> None:
    element = await world.element()
    first: Department
    rival: Department
    first, rival = await asyncio.gather(world.department(), world.department())
    claimed = await world.source(first, element, designate=False)
    contested = await world.source(rival, element, designate=False)
    shown = await sharing.consumer.clerk.ask("GET", f"/v1/subscriptions/{sharing.subscription}")
    stranger = sharing.provider.head

    async def ask(who: Caller, kind: str, thing: str) -> Any:  # noqa: ANN401 - an answer
        return await who.post("/v1/disputes", {"about": {"kind": kind, "id": thing}, **CLAIM})

    told = (await ask(rival.head, "source", claimed)).json()
    assert (told["respondent_department"], told["about"]["element"]) == (first.uscc, element)
    own = (await ask(first.head, "source", claimed)).json()
    assert own["respondent_department"] == rival.uscc
    assert (await ask(stranger, "source", contested)).status_code == 403
    application = (await ask(sharing.consumer.head, "application", shown["application_id"])).json()
    assert application["respondent_department"] == sharing.provider.uscc
    assert (await ask(rival.head, "application", shown["application_id"])).status_code == 404
    assert (await ask(stranger, "catalogue", sharing.resource)).status_code == 409
    version = await ask(stranger, "version", sharing.resource)
    [error] = version.json()["errors"]
    assert (error["path"], error["allowed"]) == (
        "about.kind", ["source", "catalogue", "application", "use", "correction"],
    )  # fmt: skip


async def test_of_many_disputes_about_one_thing_one_is_opened(world: World) -> None:
    provider, consumer = await asyncio.gather(world.department(), world.department())
    resource = await world.resource(provider)
    body = {"about": {"kind": "catalogue", "id": resource}, **CLAIM}
    await consumer.head.token()
    answers = await asyncio.gather(*(consumer.head.post("/v1/disputes", body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
