"""《政务数据共享条例》第二十条至第二十九条: each story is what an article says, in its order."""

from datetime import timedelta
from typing import Any

import pytest

from exchange.applications.deadlines import Limits
from kernel.clock import now
from kernel.workdays import add_working_days, local_date
from tests.support.callers import Caller, Refused
from tests.support.eventually import eventually
from tests.support.world import ClientApp, Sharing, World

Json = dict[str, Any]
TODAY = local_date(now())
WHAT = ("basis", "scenario", "scope", "mode", "valid_until", "commitment")


@pytest.fixture(scope="module")
async def story(world: World) -> Sharing:
    """需方在用供方的数据: a consumer that has read a provider's two records."""
    sharing = await world.sharing()
    records = [{"id": "a", "name": "张三", "amount": 1}, {"id": "b", "name": "李四", "amount": 2}]
    await sharing.publisher.publish(sharing.resource, records)
    assert len((await sharing.subscriber.pull_all(sharing.subscription)).records) == 2
    return sharing


async def refusal(who: Caller, path: str, body: Json | None = None) -> tuple[int, str]:
    answer = await who.post(path, body)
    return answer.status_code, answer.json().get("code", "")


def errors(refused: Json) -> list[tuple[str, str]]:
    return [(each["path"], each["code"]) for each in refused["errors"]]


async def test_article_20_who_needs_says_why_and_both_bodies_consent(
    world: World, story: Sharing
) -> None:
    """A request states basis, scenario, scope, mode and time; two heads sign, no authority."""
    provider, consumer = story.provider, story.consumer
    with pytest.raises(Refused) as refused:
        await world.application(
            story.resource, consumer, story.subscriber, commitment=False, scope="", basis=""
        )
    assert {path for path, _ in errors(refused.value.answer.json())} >= {"scope", "basis"}
    application = await world.application(story.resource, consumer, story.subscriber)
    path = f"/v1/applications/{application}"
    shown = await consumer.clerk.ask("GET", path)
    assert all(shown[each] for each in WHAT)
    assert await refusal(consumer.clerk, f"{path}/sign") == (403, "role_required")
    await consumer.head.ask("POST", f"{path}/sign")
    for who in (provider.clerk, world.authority, consumer.head):
        assert (await refusal(who, f"{path}/agree", {}))[0] == 403
    agreed = await provider.head.ask("POST", f"{path}/agree", {})
    assert agreed["status"] == "agreed"


async def test_article_20_the_authority_brings_demand_and_supply_together(
    world: World, story: Sharing
) -> None:
    """供需对接: what nobody shares yet is demanded, merged, assigned, promised and met."""
    first, second = [await world.demand(story.consumer) for _ in range(2)]
    into = {"into": first}
    await world.authority.ask("POST", f"/v1/demands/{second}/merge", into)
    circle = await refusal(world.authority, f"/v1/demands/{first}/merge", {"into": second})
    assert circle[0] == 409
    path = f"/v1/demands/{first}"
    await world.authority.ask("POST", f"{path}/assign", {"department": story.provider.uscc})
    planned = {"planned_on": str(TODAY + timedelta(days=30))}
    await story.provider.head.ask("POST", f"{path}/accept", planned)
    met = await story.provider.head.ask("POST", f"{path}/meet", {"resource_id": story.resource})
    follower = await story.consumer.clerk.ask("GET", f"/v1/demands/{second}")
    assert (met["status"], follower["followed"]["status"]) == ("met", "met")


async def test_article_21_replies_in_one_or_ten_days_asking_for_material_once(
    world: World, story: Sharing
) -> None:
    """One working day for unconditional data, ten for others; no outright refusal, no silence."""
    provider, consumer = story.provider, story.consumer
    conditional = await world.resource(
        provider,
        share_type="conditional",
        share_conditions="限资格认证使用",
        share_scope="本级部门",
        share_purposes="资格认证",
    )
    path = ""
    for resource, days, clock in ((story.resource, 1, "C3"), (conditional, 10, "C4")):
        application = await world.application(resource, consumer, story.subscriber)
        path = f"/v1/applications/{application}"
        signed = await consumer.head.ask("POST", f"{path}/sign")
        assert (signed["clock"], signed["due_on"]) == (clock, str(add_working_days(TODAY, days)))
    missing = {"missing": ["使用范围说明"], "message": "请一次补齐"}
    await provider.clerk.ask("POST", f"{path}/request-supplement", missing)
    await consumer.clerk.ask("POST", f"{path}/supplement", {"scope": "本部门窗口"})
    assert await refusal(provider.clerk, f"{path}/request-supplement", missing) == (
        409, "illegal_transition",
    )  # fmt: skip
    more = {"working_days": 11, "reason": "跨部门核实"}
    assert (await refusal(provider.head, f"{path}/extend", more))[0] == 422
    await provider.head.ask("POST", f"{path}/extend", {**more, "working_days": 10})
    consented = await world.authority.ask("POST", f"{path}/consent-extension")
    assert consented["due_on"] == str(add_working_days(TODAY, 20))
    for said in ({"code": 4}, {"code": 3, "reason": "不符合条件"}):
        assert (await refusal(provider.head, f"{path}/refuse", said))[0] == 422
    grounds = {"code": 3, "reason": "不符合条件", "basis": "限资格认证使用"}
    refused = await provider.head.ask("POST", f"{path}/refuse", grounds)
    assert refused["decision"]["conditions"]["share_conditions"] == "限资格认证使用"


async def test_article_22_the_data_are_there_within_twenty_days(world: World) -> None:
    """C6 runs from the agreement to the first record, and is over when that is there."""
    sharing = await world.sharing()
    path = f"/v1/subscriptions/{sharing.subscription}"
    shown = await sharing.consumer.clerk.ask("GET", path)
    assert (shown["deliver_by_on"], shown["delivered_at"]) == (
        str(add_working_days(TODAY, 20)), None,
    )  # fmt: skip
    await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张三"}])

    async def delivered() -> bool:
        return (await sharing.consumer.clerk.ask("GET", path))["delivered_at"] is not None

    await eventually(delivered, within_seconds=120)


@pytest.mark.parametrize("limit", ["reply_conditional", "extension", "delivery", "correction"])
def test_article_23_limits_are_made_shorter_and_never_longer(limit: str) -> None:
    legal = getattr(Limits(), limit)
    assert getattr(Limits(**{limit: legal - 1}), limit) == legal - 1
    with pytest.raises(ValueError, match=limit):
        Limits(**{limit: legal + 1})


async def test_article_24_data_of_a_lower_area_go_back_to_it_without_conditions(
    world: World,
) -> None:
    """回流: no refusal, no condition, no quota, answered within one working day."""
    city = await world.department("450100")
    upper, client = await world.department(), await world.client(city)
    origin = await world.resource(city)
    items = [
        {"name": "id", "key": True},
        {"name": "division", "required": True},
        {"name": "name", "required": True},
    ]
    conditional: Json = {
        "share_type": "conditional",
        "share_conditions": "限资格认证使用",
        "share_scope": "本级部门",
        "share_purposes": "资格认证",
    }
    resource = await world.resource(upper, items, derived_from=[origin], **conditional)
    unrelated = await world.resource(upper, items, **conditional)
    own = [{"item": "division", "op": "prefix", "value": "4501"}]
    asked: Json = {"return_flow": True, "row_filter": own}

    async def wrong(what: str, **changes: Any) -> list[tuple[str, str]]:  # noqa: ANN401
        with pytest.raises(Refused) as refused:
            await world.application(what, city, client, **{**asked, **changes})
        return errors(refused.value.answer.json())

    assert await wrong(unrelated) == [("return_flow", "not_in_code_list")]
    assert await wrong(resource, row_filter=None) == [("row_filter", "missing")]
    others = [{**own[0], "value": "45"}]
    assert await wrong(resource, row_filter=others) == [("row_filter", "missing")]
    assert await wrong(resource, records_per_day=10) == [("records_per_day", "fixed")]

    application = await world.application(resource, city, client, **asked)
    path = f"/v1/applications/{application}"
    signed = await city.head.ask("POST", f"{path}/sign")
    assert (signed["clock"], signed["return_flow"]) == ("C3", True)
    grounds = {"code": 3, "reason": "不符合条件", "basis": "限资格认证使用"}
    assert await refusal(upper.head, f"{path}/refuse", grounds) == (409, "conflict")
    elsewhere = {"resource_id": unrelated, "reason": "转办"}
    assert await refusal(world.authority, f"{path}/reroute", elsewhere) == (409, "conflict")
    narrowed = {"items": ["id"], "records_per_day": 1, "valid_until": str(TODAY)}
    answer = await upper.head.post(f"{path}/agree", narrowed)
    assert {code for _, code in errors(answer.json())} == {"fixed"}
    subscription = await world.agreed(upper, application)
    publisher = await world.client(upper)
    rows = [{"id": each, "division": each, "name": "某"} for each in ("450103", "450203")]
    await publisher.publish(resource, rows)
    [line] = (await client.pull_all(subscription)).records
    assert line["data"]["division"] == "450103"
    shown = await city.clerk.ask("GET", f"/v1/subscriptions/{subscription}")
    assert (shown["return_flow"], shown["records_per_day"]) == (True, None)
    quota = {"records_per_day": 5}
    amended = await city.clerk.post(f"/v1/subscriptions/{subscription}/amend", quota)
    assert errors(amended.json()) == [("records_per_day", "fixed")]
    figures = await upper.head.ask("GET", "/v1/stats/indicators")
    [returned] = [each for each in figures["items"] if each["id"] == "returned"]
    assert (returned["numerator"], returned["denominator"]) == (1, 1)


async def test_article_25_nothing_leaves_beyond_scope_purpose_and_the_department(
    world: World, story: Sharing
) -> None:
    """What was granted is all that leaves, to the system that it was granted to."""
    stranger = await world.department()
    theirs = await world.client(stranger)
    path = f"/v1/subscriptions/{story.subscription}/records"
    assert (await theirs.get(path)).status_code == 404
    assert (await stranger.head.get(f"/v1/subscriptions/{story.subscription}")).status_code == 404
    application = await world.application(
        story.resource, story.consumer, story.subscriber, items=["id", "name"]
    )
    await story.consumer.head.ask("POST", f"/v1/applications/{application}/sign")
    more = {"items": ["id", "name", "amount"]}
    widened = await story.provider.head.post(f"/v1/applications/{application}/agree", more)
    assert errors(widened.json()) == [("items[2]", "unknown_item")]
    subscription = await world.agreed(story.provider, application)
    lines = (await story.subscriber.pull_all(subscription)).records
    assert [set(line["data"]) for line in lines] == [{"id", "name"}, {"id", "name"}]
    # Another system of the same department reads once both heads have agreed to that, too.
    other = await world.client(story.consumer)
    assert (await other.get(f"/v1/subscriptions/{subscription}/records")).status_code == 404
    amended = await story.consumer.clerk.ask(
        "POST", f"/v1/subscriptions/{subscription}/amend", {"client_id": other.id}
    )
    await story.consumer.head.ask("POST", f"/v1/applications/{amended['id']}/sign")
    assert await world.agreed(story.provider, amended["id"]) == subscription
    assert (await _reads(story.subscriber, subscription), await _reads(other, subscription)) == (
        404, 200,
    )  # fmt: skip


async def _reads(client: ClientApp, subscription: str) -> int:
    return (await client.get(f"/v1/subscriptions/{subscription}/records")).status_code


async def test_article_26_doubtful_data_are_verified_corrected_and_answered_in_ten_days(
    world: World, story: Sharing
) -> None:
    """校核; and who disagrees with the answer has a dispute about it (Art 28)."""
    consumer, provider = story.consumer, story.provider
    raised = {"key": "a", "problem": "wrong", "description": "与户口簿不符"}
    path = f"/v1/subscriptions/{story.subscription}/corrections"
    correction = await consumer.clerk.ask("POST", path, raised)
    assert correction["due_on"] == str(add_working_days(TODAY, 10))
    one = f"/v1/corrections/{correction['id']}"
    await provider.head.ask("POST", f"{one}/accept")
    right = [{"id": "a", "name": "张珊", "amount": 1}]
    receipt = await story.publisher.publish(story.resource, right)
    fix = {"receipt_id": receipt["receipt_id"]}
    assert (await provider.clerk.ask("POST", f"{one}/fix", fix))["status"] == "fixed"
    assert (await consumer.clerk.ask("POST", f"{one}/confirm"))["status"] == "confirmed"

    second = await consumer.clerk.ask("POST", path, {**raised, "key": "b"})
    rejected = f"/v1/corrections/{second['id']}"
    await provider.head.ask("POST", f"{rejected}/reject", {"reason": "与原始记录一致"})
    about = {"about": {"kind": "correction", "id": second["id"]}, "claim": "原始记录有误"}
    opened = await consumer.head.ask("POST", "/v1/disputes", about)
    assert (opened["respondent_department"], opened["about"]["resource_id"]) == (
        provider.uscc, story.resource,
    )  # fmt: skip
    stranger = await world.department()
    assert await refusal(stranger.head, "/v1/disputes", about) == (404, "not_found")
    ruling = {"decision": "upheld", "reason": "应当更正"}
    await world.authority.ask("POST", f"/v1/disputes/{opened['id']}/decide", ruling)
    # A dispute says who is right, and changes nothing in its thing.
    assert (await provider.head.ask("GET", rejected))["status"] == "rejected"


async def test_article_27_misuse_is_stopped_remedied_or_ended_and_the_data_disposed_of(
    world: World,
) -> None:
    """No service ends without cause: a provider's end is filed with the authority first."""
    sharing = await world.sharing()
    provider, consumer = sharing.provider, sharing.consumer
    path = f"/v1/subscriptions/{sharing.subscription}"
    misuse = {"reason": "超范围使用", "remedy_by": str(TODAY + timedelta(days=7))}
    await provider.head.ask("POST", f"{path}/suspend", misuse)
    stopped = await sharing.subscriber.get(f"{path}/records")
    assert (stopped.status_code, stopped.json()["code"]) == (403, "subscription_suspended")
    await provider.head.ask("POST", f"{path}/resume")
    assert await refusal(provider.head, f"{path}/terminate", {"reason": "不再提供"}) == (
        409, "filing_required",
    )  # fmt: skip
    assert (await consumer.head.get(f"{path}/disposal")).status_code == 409
    await world.authority.ask("POST", f"{path}/file-termination", {"reference": "备〔2026〕1号"})
    await provider.head.ask("POST", f"{path}/terminate", {"reason": "职责调整"})
    due = await consumer.head.ask("GET", f"{path}/disposal")
    assert (due["status"], due["due_on"]) == ("due", str(add_working_days(TODAY, 20)))
    gone = {"method": "覆盖删除", "done_on": str(TODAY)}
    await consumer.head.ask("POST", f"{path}/disposal", gone)
    done = await provider.head.ask("POST", f"{path}/disposal/confirm")
    assert done["status"] == "confirmed"


async def test_article_28_a_dispute_goes_from_talks_to_the_authority_to_the_government(
    world: World, story: Sharing
) -> None:
    claim = {"claim": "超出约定用途使用"}
    path = f"/v1/subscriptions/{story.subscription}/disputes"
    opened = await story.provider.head.ask("POST", path, claim)
    one = f"/v1/disputes/{opened['id']}"
    await story.consumer.head.ask("POST", f"{one}/settle", {"text": "删除超范围数据"})
    await story.provider.head.ask("POST", f"{one}/escalate", {"reason": "协商不成"})
    ruling = {"decision": "upheld", "reason": "事实清楚"}
    assert (await refusal(story.provider.head, f"{one}/decide", ruling))[0] == 403
    decided = await world.authority.ask("POST", f"{one}/decide", ruling)
    assert decided["appeal_until"] is not None
    await story.consumer.head.ask("POST", f"{one}/appeal", {"reason": "不服"})
    final = {"decision": "partly", "document": "桂政复〔2026〕8号"}
    concluded = await world.authority.ask("POST", f"{one}/conclude", final)
    assert (concluded["status"], concluded["final_decision"]) == ("closed", "partly")
    assert await _reads(story.subscriber, story.subscription) == 200


async def test_article_29_who_uses_data_writes_down_how_and_those_who_may_read_it(
    world: World, story: Sharing
) -> None:
    """使用场景、过程、成效、存储和销毁情况, kept for ever: nothing changes or deletes a record."""
    path = f"/v1/subscriptions/{story.subscription}/usage-records"
    use = dict.fromkeys(("scenario", "process", "effect", "storage"), "窗口核验")
    body = {"period": [str(TODAY), str(TODAY)], **use, "destroyed": "无"}
    assert await refusal(story.consumer.clerk, path, body) == (403, "role_required")
    made = await story.consumer.head.ask("POST", path, body)
    for who in (story.provider.clerk, world.authority, world.auditor):
        [record] = (await who.ask("GET", path))["items"]
        assert record["id"] == made["id"]
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await story.consumer.head.send(method, f"{path}/{made['id']}")
        assert answer.status_code in (404, 405)
