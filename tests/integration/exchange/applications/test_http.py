"""Applications through the public API (`api.md` section 4)."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.callers import ClientApp
from tests.support.problems import problem
from tests.support.world import FAR, Department, World

CONDITIONS = {
    "share_type": "conditional",
    "share_conditions": "限资格认证使用",
    "share_scope": "自治区级政务部门",
    "share_purposes": "待遇资格认证",
}


@dataclass(frozen=True)
class Parties:
    provider: Department
    consumer: Department
    client: ClientApp
    resource: str


async def parties(world: World, **fields: Any) -> Parties:  # noqa: ANN401 - fields of the entry
    provider, consumer = await asyncio.gather(world.department(), world.department())
    client, resource = await asyncio.gather(
        world.client(consumer), world.resource(provider, **fields)
    )
    return Parties(provider, consumer, client, resource)


def body(story: Parties, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the body
    usual = {
        "resource_id": story.resource,
        "client_id": story.client.id,
        "items": ["id", "name"],
        "mode": "pull",
        "basis": "政务数据共享条例第二十条",
        "scenario": "资格认证",
        "scope": "本部门",
        "valid_until": FAR.isoformat(),
        "commitment": True,
    }
    return usual | fields


async def test_from_draft_to_agreed(world: World) -> None:
    story = await parties(world, **CONDITIONS)
    made = await story.consumer.clerk.post("/v1/applications", body(story))
    assert made.status_code == 201
    draft = made.json()
    assert (draft["status"], draft["allowed"]) == ("draft", ["withdraw"])
    assert made.headers["etag"] == '"1"'
    path = f"/v1/applications/{draft['id']}"
    sent = await story.consumer.head.ask("POST", f"{path}/sign")
    assert (sent["status"], sent["clock"], sent["remaining_working_days"]) == (
        "submitted",
        "C4",
        10,
    )
    assert sent["due_at"].endswith("Z") or "+" in sent["due_at"]
    assert (sent["breached"], sent["subscription_id"]) == (False, None)
    seen = await story.provider.head.ask("GET", path)
    assert {"agree", "refuse", "extend", "request-supplement"} == set(seen["allowed"])
    agreed = await story.provider.head.ask("POST", f"{path}/agree")
    assert agreed["status"] == "agreed"
    shown = await story.consumer.clerk.ask("GET", path)
    assert [step["action"] for step in shown["history"]] == ["create", "sign", "agree"]
    subscription = await story.client.ask("GET", f"/v1/subscriptions/{shown['subscription_id']}")
    assert (subscription["status"], subscription["items"]) == ("active", ["id", "name"])
    assert (subscription["mode"], subscription["valid_until"]) == ("pull", "2098-12-31")


async def test_standing_consent_answers_with_the_signature(world: World) -> None:
    story = await parties(world)
    path = f"/v1/departments/{story.provider.uscc}/standing-consent"
    await story.provider.head.ask("PUT", path, {"enabled": True})
    made = await story.consumer.clerk.ask("POST", "/v1/applications", body(story))
    signed = await story.consumer.head.ask("POST", f"/v1/applications/{made['id']}/sign")
    assert signed["status"] == "agreed"
    assert signed["subscription_id"]


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"items": ["id", "x"]}, "items[1]", "unknown_item"),
        ({"items": []}, "items", "too_short"),
        ({"items": ["id", "id"]}, "items[1]", "duplicate_key"),
        ({"mode": "file"}, "mode", "not_in_code_list"),
        ({"mode": "magic"}, "mode", "not_in_code_list"),
        ({"mode": "api"}, "mode", "not_in_code_list"),
        ({"commitment": False}, "commitment", "not_in_code_list"),
        ({"commitment": 1}, "commitment", "wrong_type"),
        ({"valid_until": "2020-01-01"}, "valid_until", "out_of_range"),
        ({"valid_until": "9999-12-31"}, "valid_until", "out_of_range"),
        ({"valid_until": "2098-02-30"}, "valid_until", "wrong_type"),
        ({"valid_until": 4000000000}, "valid_until", "wrong_type"),
        ({"basis": ""}, "basis", "too_short"),
        ({"basis": "x" * 2001}, "basis", "too_long"),
        ({"records_per_day": 0}, "records_per_day", "out_of_range"),
        ({"records_per_day": "9"}, "records_per_day", "wrong_type"),
        ({"surprise": 1}, "surprise", "unknown_item"),
        (
            {"row_filter": [{"item": "x", "op": "eq", "value": "1"}]},
            "row_filter[0].item",
            "unknown_item",
        ),
        (
            {"row_filter": [{"item": "id", "op": "like", "value": "1"}]},
            "row_filter[0].op",
            "not_in_code_list",
        ),
        (
            {"row_filter": [{"item": "amount", "op": "in", "value": 1}]},
            "row_filter[0].value",
            "wrong_type",
        ),
    ],
)
async def test_a_faulty_application_is_refused_where_it_is_wrong(
    world: World, faulty: Parties, change: dict[str, Any], path: str, code: str
) -> None:
    answer = await faulty.consumer.clerk.post("/v1/applications", body(faulty, **change))
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "validation_failed"
    assert (path, code) in [(error["path"], error["code"]) for error in problem["errors"]]


@pytest.fixture(scope="module")
async def faulty(world: World) -> Parties:
    return await parties(world)


async def test_who_may_not_apply_is_told_so(world: World, faulty: Parties) -> None:
    clerk, head = faulty.consumer.clerk, faulty.consumer.head
    foreign = await world.client(faulty.provider)
    assert (await head.post("/v1/applications", body(faulty))).json()["code"] == "role_required"
    for change in ({"client_id": foreign.id}, {"client_id": "no"}, {"resource_id": "no"}):
        answer = await clerk.post("/v1/applications", body(faulty, **change))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    reader = await faulty.client.post("/v1/applications", body(faulty))
    assert (reader.status_code, reader.json()["code"]) == (403, "insufficient_scope")
    assert (await world.http.post("/v1/applications", json=body(faulty))).status_code == 401


async def test_what_is_not_to_be_shared_cannot_be_applied_for(world: World) -> None:
    story = await parties(world, share_type="none", legal_basis="某行政法规第一条", share_modes=[])
    answer = await story.consumer.clerk.post("/v1/applications", body(story))
    assert (answer.status_code, answer.json()["code"]) == (409, "not_shareable")


async def test_a_retry_of_a_creation_makes_no_second_draft(world: World, faulty: Parties) -> None:
    clerk, key = faulty.consumer.clerk, {"Idempotency-Key": f"k-{faulty.resource}"}
    first = await clerk.post("/v1/applications", body(faulty), headers=key)
    again = await clerk.post("/v1/applications", body(faulty), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await clerk.post("/v1/applications", body(faulty, mode="query"), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_draft_is_changed_with_its_etag(world: World, faulty: Parties) -> None:
    clerk = faulty.consumer.clerk
    made = await clerk.post("/v1/applications", body(faulty, records_per_day=5))
    path, etag = f"/v1/applications/{made.json()['id']}", made.headers["etag"]
    assert (await clerk.patch(path, {"items": ["id"]})).status_code == 428
    changed = await clerk.patch(
        path, {"items": ["id"], "records_per_day": None}, headers={"If-Match": etag}
    )
    assert changed.status_code == 200
    assert (changed.json()["items"], changed.json()["records_per_day"]) == (["id"], None)
    stale = await clerk.patch(path, {"items": ["name"]}, headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    tag = {"If-Match": changed.headers["etag"]}
    for wrong in ({"basis": None}, {"resource_id": "other"}, {"items": ["x"]}):
        assert (await clerk.patch(path, wrong, headers=tag)).status_code == 422


async def test_a_second_agreement_is_an_illegal_transition(world: World) -> None:
    story = await parties(world)
    application = await world.application(story.resource, story.consumer, story.client)
    path = f"/v1/applications/{application}"
    # Until it is signed it is its department's alone.
    early = await story.provider.head.post(f"{path}/agree")
    assert (early.status_code, early.json()["code"]) == (404, "not_found")
    await story.consumer.head.ask("POST", f"{path}/sign")
    answers = await asyncio.gather(*(story.provider.head.post(f"{path}/agree") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"illegal_transition"}


async def test_an_agreement_that_widens_is_refused(world: World) -> None:
    story = await parties(world)
    application = await world.application(
        story.resource, story.consumer, story.client, items=["id"], records_per_day=10
    )
    path = f"/v1/applications/{application}"
    await story.consumer.head.ask("POST", f"{path}/sign")
    wider = {"items": ["id", "name"], "records_per_day": 11, "valid_until": "2099-01-01"}
    answer = await story.provider.head.post(f"{path}/agree", wider)
    assert answer.status_code == 422
    paths = [error["path"] for error in answer.json()["errors"]]
    assert paths == ["items[1]", "records_per_day", "valid_until"]
    narrower = {"records_per_day": 5, "row_filter": [{"item": "id", "op": "prefix", "value": "A"}]}
    agreed = await story.provider.head.ask("POST", f"{path}/agree", narrower)
    shown = await story.provider.clerk.ask("GET", f"/v1/subscriptions/{agreed['subscription_id']}")
    assert shown["records_per_day"] == 5
    assert shown["row_filter"] == narrower["row_filter"]


async def test_supplement_extension_and_refusal(world: World) -> None:
    story = await parties(world, **CONDITIONS)
    application = await world.application(story.resource, story.consumer, story.client)
    path = f"/v1/applications/{application}"
    clerk, head = story.consumer.clerk, story.provider.head
    await story.consumer.head.ask("POST", f"{path}/sign")
    asked = {"missing": ["依据文件"], "message": "请补充"}
    waiting = await story.provider.clerk.ask("POST", f"{path}/request-supplement", asked)
    assert (waiting["status"], waiting["due_at"]) == ("supplement_requested", None)
    given = await clerk.ask("POST", f"{path}/supplement", {"basis": "桂政办发〔2022〕10号"})
    assert (given["status"], given["basis"]) == ("submitted", "桂政办发〔2022〕10号")
    assert (await head.post(f"{path}/request-supplement", asked)).status_code == 409
    assert (await head.post(f"{path}/extend", {"working_days": 11, "reason": "r"})).status_code == (
        422
    )
    await head.ask("POST", f"{path}/extend", {"working_days": 5, "reason": "核实量大"})
    pretender = await story.provider.authority.post(f"{path}/consent-extension")
    assert pretender.status_code == 403
    longer = await world.authority.ask("POST", f"{path}/consent-extension")
    assert (longer["status"], longer["extended_days"]) == ("submitted", 5)
    assert longer["remaining_working_days"] == given["remaining_working_days"] + 5
    without = await head.post(f"{path}/refuse", {"code": 3, "reason": "不具备共享条件"})
    assert without.json()["errors"][0]["path"] == "basis"
    assert (await head.post(f"{path}/refuse", {"code": 5, "reason": "r"})).status_code == 422
    refusal = {"code": 3, "reason": "不具备共享条件", "basis": "限资格认证使用"}
    refused = await head.ask("POST", f"{path}/refuse", refusal)
    assert (refused["status"], refused["decision"]["code"]) == ("refused", 3)


async def test_rerouting_by_the_authority(world: World) -> None:
    wrong, right = await parties(world), await parties(world, **CONDITIONS)
    application = await world.application(wrong.resource, wrong.consumer, wrong.client)
    path = f"/v1/applications/{application}"
    await wrong.consumer.head.ask("POST", f"{path}/sign")
    said = {"resource_id": right.resource, "reason": "数源在他处"}
    assert (await wrong.provider.head.post(f"{path}/reroute", said)).status_code == 403
    moved = await world.authority.ask("POST", f"{path}/reroute", said)
    assert moved["status"] == "rerouted"
    successor = await right.provider.head.ask("GET", f"/v1/applications/{moved['rerouted_to']}")
    assert (successor["status"], successor["clock"]) == ("submitted", "C4")


async def test_strangers_know_nothing(world: World, faulty: Parties) -> None:
    application = await world.application(faulty.resource, faulty.consumer, faulty.client)
    stranger = await world.department()
    path = f"/v1/applications/{application}"
    missing = await stranger.head.get("/v1/applications/nothing")
    hidden = await stranger.head.get(path)
    assert (hidden.status_code, missing.status_code) == (404, 404)
    same = ("type", "title", "status", "detail", "code")
    assert [hidden.json()[name] for name in same] == [missing.json()[name] for name in same]
    for action in ("sign", "agree", "withdraw"):
        assert (await stranger.head.post(f"{path}/{action}")).status_code == 404
    # Whoever has no such role hears of that first, whatever the thing.
    problem(await stranger.head.post(f"{path}/consent-extension"), 403, "role_required")
    assert (await stranger.clerk.ask("GET", "/v1/applications"))["items"] == []


async def test_lists_by_role_status_and_page(world: World) -> None:
    story = await parties(world)
    made = [await world.application(story.resource, story.consumer, story.client) for _ in range(3)]
    await story.consumer.head.ask("POST", f"/v1/applications/{made[0]}/sign")
    clerk, head = story.consumer.clerk, story.provider.head

    async def ids(who: Any, query: str) -> list[str]:  # noqa: ANN401 - a caller
        return [row["id"] for row in (await who.ask("GET", f"/v1/applications?{query}"))["items"]]

    assert await ids(clerk, "role=consumer") == made
    assert await ids(clerk, "status=draft") == made[1:]
    assert await ids(head, "role=provider") == made[:1]
    assert await ids(head, "role=provider&overdue=true") == []
    first = await clerk.ask("GET", "/v1/applications?limit=2")
    rest = await clerk.ask("GET", f"/v1/applications?limit=2&cursor={first['next_cursor']}")
    assert [row["id"] for row in first["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None
    for wrong in ("role=king", "status=lost", "overdue=perhaps", "limit=0", "cursor=%21"):
        assert (await clerk.get(f"/v1/applications?{wrong}")).status_code == 400
    assert (await clerk.get("/v1/applications?role=authority")).status_code == 403
