"""Subscriptions through the public API (`api.md` section 4)."""

import pytest

from tests.support.world import Sharing, World

SUSPENSION = {"reason": "超范围使用", "remedy_by": "2098-01-01"}


@pytest.fixture
async def story(world: World) -> Sharing:
    return await world.sharing()


async def test_suspended_resumed_and_ended_by_the_consumer(world: World, story: Sharing) -> None:
    path = f"/v1/subscriptions/{story.subscription}"
    stopped = await story.provider.head.ask("POST", f"{path}/suspend", SUSPENSION)
    assert (stopped["status"], stopped["suspend_reason"]) == ("suspended", "超范围使用")
    again = await world.authority.post(f"{path}/suspend", SUSPENSION)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    assert (again.json()["state"], again.json()["allowed"]) == (
        "suspended",
        ["resume", "terminate", "renew", "amend"],
    )
    assert (await story.provider.head.ask("POST", f"{path}/resume"))["status"] == "active"
    ended = await story.consumer.head.ask("POST", f"{path}/terminate", {"reason": "目的已实现"})
    assert ended["status"] == "terminated"
    shown = await story.subscriber.ask("GET", path)
    actions = [step["action"] for step in shown["history"]]
    assert actions == ["grant", "suspend", "resume", "terminate"]


async def test_a_provider_needs_a_filing_to_terminate(world: World, story: Sharing) -> None:
    path = f"/v1/subscriptions/{story.subscription}"
    refused = await story.provider.head.post(f"{path}/terminate", {"reason": "系统下线"})
    assert (refused.status_code, refused.json()["code"]) == (409, "filing_required")
    filing = {"reference": "桂数备〔2026〕1号"}
    assert (await story.provider.head.post(f"{path}/file-termination", filing)).status_code == 403
    await world.authority.ask("POST", f"{path}/file-termination", filing)
    ended = await story.provider.head.ask("POST", f"{path}/terminate", {"reason": "系统下线"})
    assert (ended["status"], ended["filing"]) == ("terminated", "桂数备〔2026〕1号")


async def test_a_suspension_needs_a_reason_and_a_day(world: World, story: Sharing) -> None:
    path = f"/v1/subscriptions/{story.subscription}/suspend"
    for wrong in (
        {},
        {"reason": "r"},
        {"reason": "", "remedy_by": "2098-01-01"},
        {"reason": "r", "remedy_by": "2020-01-01"},
        {"reason": "r", "remedy_by": "soon"},
    ):
        answer = await world.authority.post(path, wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_who_may_see_and_who_may_act(world: World, story: Sharing) -> None:
    path = f"/v1/subscriptions/{story.subscription}"
    stranger = await world.department()
    parties = (story.consumer.clerk, story.provider.clerk, story.subscriber, world.authority)
    for caller in parties:
        assert (await caller.get(path)).status_code == 200
    assert (await world.auditor.get(path)).status_code == 200
    assert (await stranger.head.get(path)).status_code == 404
    for action, body in (("suspend", SUSPENSION), ("resume", None), ("terminate", {"reason": "r"})):
        assert (await stranger.head.post(f"{path}/{action}", body)).status_code == 404
        assert (await story.provider.clerk.post(f"{path}/{action}", body)).status_code == 403
    refused = await story.consumer.head.post(f"{path}/suspend", SUSPENSION)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_department")


async def test_lists_hold_what_the_caller_is_party_to(world: World, story: Sharing) -> None:
    for caller, role in ((story.consumer.clerk, "consumer"), (story.provider.clerk, "provider")):
        page = await caller.ask("GET", f"/v1/subscriptions?role={role}")
        assert [row["id"] for row in page["items"]] == [story.subscription]
    assert (await story.consumer.clerk.ask("GET", "/v1/subscriptions?role=provider"))["items"] == []
    mine = await story.subscriber.ask("GET", f"/v1/subscriptions?client_id={story.subscriber.id}")
    assert [row["used_today"] for row in mine["items"]] == [0]
    expired = await story.subscriber.ask("GET", "/v1/subscriptions?status=expired")
    assert expired["items"] == []
