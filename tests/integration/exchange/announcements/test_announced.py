"""A version that takes something from its users: announced, accepted, objected to, filed."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from kernel.clock import today
from kernel.workdays import add_working_days
from tests.support.revising import LAW, draft
from tests.support.world import Department, Sharing, World

Json = dict[str, Any]
WITHOUT_NAME = {"name": None}


@pytest.fixture
async def sharing(world: World) -> Sharing:
    return await world.sharing([{"name": "id", "key": True}, {"name": "name"}])


async def approved(world: World, sharing: Sharing) -> str:
    """Approve a version that lacks the item `name`."""
    await draft(world, sharing, WITHOUT_NAME)
    await world.approve(sharing.resource)
    return f"/v1/resources/{sharing.resource}"


def by_law() -> Json:
    return {"effective_on": today().isoformat(), "reason": "职责调整", "basis": LAW}


async def publish(world: World, path: str) -> httpx.Response:
    return await world.authority.post(f"{path}/publish")


def pending(answer: httpx.Response) -> list[Json]:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "consent_pending"), problem
    listed: list[Json] = problem["pending"]
    assert problem["pending_count"] == len(listed)
    return listed


async def test_a_version_waits_until_who_loses_something_has_accepted(
    world: World, sharing: Sharing
) -> None:
    path = await approved(world, sharing)
    [waiting] = pending(await publish(world, path))
    assert (waiting["effect"], waiting["answer"]) == ("broken", "unanswered")
    head, consumer = sharing.provider.head, sharing.consumer
    shown = await head.ask("GET", path)
    assert "announce" in shown["allowed"]
    assert (await consumer.head.get(f"{path}/versions/2")).status_code == 404

    early = {"effective_on": (today() + timedelta(days=3)).isoformat(), "reason": "职责调整"}
    answer = await head.post(f"{path}/announce", early)
    assert [(e["path"], e["code"]) for e in answer.json()["errors"]] == [
        ("effective_on", "out_of_range")
    ]
    assert (await sharing.provider.clerk.post(f"{path}/announce", early)).status_code == 403
    notice = early | {"effective_on": add_working_days(today(), 10).isoformat()}
    told = await head.ask("POST", f"{path}/announce", notice)
    assert (told["status"], told["announcement"]["version"]) == ("approved", 2)
    assert "announce" not in told["allowed"]
    again = await head.post(f"{path}/announce", notice)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")

    seen = await consumer.head.ask("GET", path)
    assert (seen["version"], seen["announcement"]["effective_on"]) == (1, notice["effective_on"])
    announced = await consumer.head.ask("GET", f"{path}/versions/2")
    assert [item["name"] for item in announced["items"]] == ["id"]
    [own] = (await consumer.head.ask("GET", f"{path}/announcement"))["affected"]
    assert (own["subscription_id"], own["items_lost"]) == (sharing.subscription, ["name"])
    told_of = (await consumer.clerk.ask("GET", f"/v1/subscriptions/{sharing.subscription}"))[
        "announced"
    ]
    assert (told_of["version"], told_of["effect"], told_of["answer"]) == (2, "broken", "unanswered")
    outsider = await world.department()
    other = await outsider.head.ask("GET", f"{path}/announcement")
    assert (other["affected"], other["verdict"]) == ([], "none")

    pending(await publish(world, path))
    filed = await world.authority.post(f"{path}/file-change", {})
    assert (filed.status_code, filed.json()["code"]) == (409, "conflict")
    mine = f"/v1/subscriptions/{sharing.subscription}"
    for who, version, status in (
        (consumer.clerk, 2, 403),
        (outsider.head, 2, 404),
        (sharing.provider.head, 2, 403),
        (consumer.head, 1, 409),
    ):
        refused = await who.post(f"{mine}/accept-version", {"version": version})
        assert refused.status_code == status, refused.text
    accepted = await consumer.head.ask("POST", f"{mine}/accept-version", {"version": 2})
    assert (accepted["answer"], accepted["consumer_name"]) == ("accepted", consumer.name)
    assert accepted["next"] == []
    late = await consumer.head.post(f"{mine}/object", {"version": 2, "reason": "反悔"})
    assert (late.status_code, late.json()["code"]) == (409, "illegal_transition")
    assert (await publish(world, path)).json()["published_version"] == 2
    gone = await consumer.head.get(f"{path}/announcement")
    assert gone.status_code == 404
    steps = (await consumer.head.ask("GET", mine))["history"]
    assert steps[-1]["action"] == "accept-version"
    assert steps[-1]["actor_role"] == "head"


async def test_an_objection_is_answered_and_decided_before_anything_is_published(
    world: World, sharing: Sharing
) -> None:
    path = await approved(world, sharing)
    await sharing.provider.head.ask("POST", f"{path}/announce", by_law())
    mine = f"/v1/subscriptions/{sharing.subscription}"
    body = {"version": 2, "reason": "业务系统依赖该信息项"}
    objected = await sharing.consumer.head.ask("POST", f"{mine}/object", body)
    dispute = f"/v1/disputes/{objected['dispute_id']}"
    assert (objected["answer"], objected["dispute_open"]) == ("objected", True)
    [waiting] = pending(await publish(world, path))
    assert waiting["dispute_id"] == objected["dispute_id"]
    assert (await world.authority.ask("POST", f"{path}/file-change", {}))["affected"][0][
        "answer"
    ] == "objected"
    pending(await publish(world, path))

    outsider = await world.department()
    for stranger in (outsider.head, outsider.clerk):
        assert (await stranger.get(dispute)).status_code == 404
        listed = (await stranger.ask("GET", "/v1/disputes"))["items"]
        assert listed == []
    [listed] = (await sharing.provider.clerk.ask("GET", "/v1/disputes?role=respondent"))["items"]
    assert (listed["id"], listed["status"]) == (objected["dispute_id"], "open")
    assert listed["about"] == listed["about"] | {
        "kind": "version",
        "id": sharing.resource,
        "resource_id": sharing.resource,
        "version": 2,
        "subscription_id": sharing.subscription,
    }
    assert listed["claimant_name"] == sharing.consumer.name
    refused = await sharing.consumer.head.post(f"{dispute}/reply", {"text": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_department")
    replied = await sharing.provider.head.ask("POST", f"{dispute}/reply", {"text": "依法精简"})
    assert (replied["status"], replied["reply"]) == ("replied", "依法精简")
    ruling = {"decision": "dismissed", "reason": "变更有法律依据"}
    assert (await sharing.provider.head.post(f"{dispute}/decide", ruling)).status_code == 403
    decided = await world.authority.ask("POST", f"{dispute}/decide", ruling)
    assert (decided["status"], decided["decision"]) == ("decided", "dismissed")
    assert (await world.authority.post(f"{dispute}/decide", ruling)).status_code == 409
    detail = await sharing.consumer.clerk.ask("GET", dispute)
    assert [step["action"] for step in detail["history"]] == ["open", "reply", "decide"]
    assert detail["decided_by"] is None
    assert detail["decided_by_role"] == "authority"
    assert (await publish(world, path)).status_code == 200


async def test_an_objection_that_was_right_keeps_the_version_back_until_it_is_accepted(
    world: World, sharing: Sharing
) -> None:
    path = await approved(world, sharing)
    await sharing.provider.head.ask("POST", f"{path}/announce", by_law())
    mine, head = f"/v1/subscriptions/{sharing.subscription}", sharing.consumer.head
    objected = await head.ask("POST", f"{mine}/object", {"version": 2, "reason": "仍需要"})
    ruling = {"decision": "upheld", "reason": "异议成立"}
    await world.authority.ask("POST", f"/v1/disputes/{objected['dispute_id']}/decide", ruling)
    [waiting] = pending(await publish(world, path))
    assert waiting["answer"] == "objected"

    await world.authority.ask("POST", f"{path}/return", {"reason": "异议成立"})
    assert (await head.get(f"{path}/announcement")).status_code == 404
    await world.approve(sharing.resource)
    await sharing.provider.head.ask("POST", f"{path}/announce", by_law())
    [anew] = (await head.ask("GET", f"{path}/announcement"))["affected"]
    assert anew["answer"] == "unanswered"
    first = await head.ask("POST", f"{mine}/object", {"version": 2, "reason": "仍需要"})
    await head.ask("POST", f"{mine}/accept-version", {"version": 2, "reason": "已改造系统"})
    taken_back = await head.ask("GET", f"/v1/disputes/{first['dispute_id']}")
    assert (taken_back["status"], taken_back["next"]) == ("closed", [])
    assert (await publish(world, path)).status_code == 200


async def test_silence_is_filed_from_the_day_on_and_what_was_agreed_meanwhile_counts(
    world: World, sharing: Sharing
) -> None:
    path = await approved(world, sharing)
    await sharing.provider.head.ask("POST", f"{path}/announce", by_law())
    consumer: Department = await world.department()
    later = await world.subscription(sharing.resource, consumer, await world.client(consumer))
    mine = f"/v1/subscriptions/{sharing.subscription}/file-change"
    one = await world.authority.ask("POST", mine, {"reference": "备案〔2026〕1号"})
    assert (one["answer"], one["reason"]) == ("filed", "备案〔2026〕1号")
    [waiting] = pending(await publish(world, path))
    assert waiting["subscription_id"] == later
    assert (await sharing.provider.head.post(f"{path}/file-change", {})).status_code == 403
    told = await world.authority.ask(
        "POST", f"{path}/file-change", {"reference": "备案〔2026〕2号"}
    )
    assert {each["answer"] for each in told["affected"]} == {"filed"}
    assert (await publish(world, path)).status_code == 200


async def test_a_version_that_takes_nothing_from_anybody_needs_no_announcement(
    world: World, sharing: Sharing
) -> None:
    await draft(world, sharing, added=[{"name": "note"}])
    await world.approve(sharing.resource)
    path = f"/v1/resources/{sharing.resource}"
    await sharing.provider.head.ask("POST", f"{path}/announce", by_law())
    mine = f"/v1/subscriptions/{sharing.subscription}"
    refused = await sharing.consumer.head.post(f"{mine}/accept-version", {"version": 2})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await publish(world, path)).status_code == 200
