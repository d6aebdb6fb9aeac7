"""Names beside ids, people named to those who may know them, and transitions asked again."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.support.callers import Caller
from tests.support.problems import problem
from tests.support.world import Sharing, World, unique

Json = dict[str, Any]
BESIDE = {
    "department": "department_name",
    "provider_department": "provider_name",
    "consumer_department": "consumer_name",
    "client_id": "client_name",
    "resource_id": "resource_name",
    "element": "element_name",
}


@pytest.fixture(scope="module")
async def shared(world: World) -> Sharing:
    return await world.sharing()


def unnamed(value: object, path: str = "") -> list[str]:
    """Return where an id stands without its name."""
    found = []
    if isinstance(value, dict):
        for field, name in BESIDE.items():
            own = field == "client_id" and "name" in value
            if value.get(field) and not value.get(name) and not own:
                found.append(f"{path}.{field}")
        for name, item in value.items():
            # Facts of an event or a step stand as they were noted; facets count.
            found += [] if name in ("details", "facets") else unnamed(item, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            found += unnamed(item, path)
    return found


async def test_every_read_names_what_it_tells_by_id(world: World, shared: Sharing) -> None:
    """Ids without names were once all that an official saw (F12, E14)."""
    await shared.publisher.publish(shared.resource, [{"id": "1", "name": "某"}])
    subscription = f"/v1/subscriptions/{shared.subscription}"
    about: Json = await shared.subscriber.ask("GET", subscription)
    paths: list[tuple[Caller, str]] = [
        (shared.consumer.clerk, "/v1/applications?role=consumer"),
        (shared.consumer.clerk, f"/v1/applications/{about['application_id']}"),
        (shared.provider.clerk, f"/v1/applications/{about['application_id']}"),
        (shared.provider.clerk, "/v1/subscriptions?role=provider"),
        (shared.subscriber, subscription),
        (shared.provider.clerk, f"/v1/resources/{shared.resource}"),
        (shared.provider.clerk, "/v1/resources?limit=5"),
        (shared.provider.clerk, f"/v1/resources/{shared.resource}/history"),
        (shared.consumer.head, "/v1/clients"),
        (world.security, "/v1/people?limit=5"),
        (shared.consumer.clerk, "/v1/me"),
        (world.auditor, "/v1/audit?limit=50"),
        (world.auditor, "/v1/applications?role=authority&limit=5"),
    ]
    for who, path in paths:
        told = await who.ask("GET", path)
        assert unnamed(told) == [], path
        assert told.get("items") != [], path
    shown: Json = await shared.provider.clerk.ask("GET", f"/v1/resources/{shared.resource}")
    assert shown["department_name"] == shared.provider.name
    assert about["consumer_name"] == shared.consumer.name


async def test_a_person_is_named_to_those_who_may_know(world: World, shared: Sharing) -> None:
    path = f"/v1/subscriptions/{shared.subscription}"
    application = (await shared.subscriber.ask("GET", path))["application_id"]
    path = f"/v1/applications/{application}"
    own: Json = await shared.provider.clerk.ask("GET", path)
    assert own["decided_by"]
    assert own["decided_by_name"]
    other: Json = await shared.consumer.clerk.ask("GET", path)
    assert (other["decided_by"], other["decided_by_name"]) == (None, None)
    assert other["decided_by_role"] == "head"
    assert other["decided_by_department_name"] == shared.provider.name
    assert other["created_by_name"]
    steps = {step["action"]: step for step in other["history"]}
    assert (steps["sign"]["actor_role"], steps["agree"]["actor_role"]) == ("head", "head")
    assert steps["sign"]["actor_name"]
    assert steps["agree"]["actor_name"] is None
    overseen: Json = await world.auditor.ask("GET", path)
    assert overseen["decided_by_name"]
    assert overseen["created_by_name"]


async def test_auditors_find_by_the_fields_that_they_read(world: World, shared: Sharing) -> None:
    """Filters were `actor`, `thing`, fields `actor_id`, `subject_id` (E14)."""
    by_field = {"subject_id": shared.resource}
    found: Json = await world.auditor.ask("GET", "/v1/audit", params=by_field)
    as_before: Json = await world.auditor.ask("GET", "/v1/audit", params={"thing": shared.resource})
    assert found["items"] == as_before["items"] != []
    first = found["items"][0]
    assert first["actor_name"]
    assert first["subject_name"]
    by_actor: Json = await world.auditor.ask(
        "GET", "/v1/audit", params={"actor_id": first["actor_id"], "limit": 1}
    )
    assert by_actor["items"][0]["actor_id"] == first["actor_id"]


async def test_a_deadline_has_its_last_day(world: World, shared: Sharing) -> None:
    """`due_at` alone, in UTC, was once read as the day after (F12)."""
    told: Json = await shared.subscriber.ask("GET", f"/v1/subscriptions/{shared.subscription}")
    moment = datetime.fromisoformat(told["deliver_by"])
    assert date.fromisoformat(told["deliver_by_on"]) == (
        (moment + timedelta(hours=8) - timedelta(seconds=1)).date()
    )


async def test_lists_tell_how_far_behind_a_consumer_is(world: World) -> None:
    sharing = await world.sharing()
    await sharing.publisher.publish(
        sharing.resource, [{"id": str(n), "name": "某"} for n in (1, 2)]
    )
    listed: Json = await sharing.subscriber.ask("GET", "/v1/subscriptions")
    assert [each["lag"] for each in listed["items"]] == [2]


async def test_a_suspended_consumer_is_told_why(world: World) -> None:
    sharing = await world.sharing()
    said = {"reason": "超范围使用", "remedy_by": "2098-01-01"}
    path = f"/v1/subscriptions/{sharing.subscription}"
    await sharing.provider.head.ask("POST", f"{path}/suspend", said)
    told = problem(await sharing.subscriber.get(f"{path}/records"), 403, "subscription_suspended")
    assert {name: told[name] for name in said} == said
    assert "超范围使用" in told["detail"]


async def test_a_thing_tells_what_comes_next_and_who_may_do_it(
    world: World, shared: Sharing
) -> None:
    draft = await world.resource(shared.provider, publish=False)
    told: Json = await shared.provider.clerk.ask("GET", f"/v1/resources/{draft}")
    assert told["next"] == [
        {"action": "submit", "who": ["head"]},
        {"action": "discard", "who": ["clerk"]},
    ]
    assert told["allowed"] == ["discard"]
    granted: Json = await shared.subscriber.ask("GET", f"/v1/subscriptions/{shared.subscription}")
    who = {step["action"]: step["who"] for step in granted["next"]}
    assert who["suspend"] == ["authority", "provider head"]
    outside: Json = await shared.consumer.clerk.ask("GET", f"/v1/resources/{shared.resource}")
    assert outside["next"] == []


async def test_a_transition_asked_again_is_answered_again(world: World) -> None:
    """Whoever lost the answer of an approval was once told 409 (F22)."""
    department = await world.department()
    resource = await world.resource(department, publish=False)
    path = f"/v1/resources/{resource}"
    signed = {"leader_name": "黄某", "signed_on": "2026-01-06"}
    steps = (
        (department.head, f"{path}/submit", signed),
        (world.authority, f"{path}/approve", None),
        (world.authority, f"{path}/publish", None),
    )
    for who, target, body in steps:
        key = {"Idempotency-Key": unique()}
        first = await who.post(target, body, headers=key)
        again = await who.post(target, body, headers=key)
        assert first.status_code == again.status_code == 200, again.text
        assert again.json() == first.json()
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["etag"] == first.headers["etag"]
        other = {"Idempotency-Key": unique()}
        problem(await who.post(target, body, headers=other), 409, "illegal_transition")


async def test_suspending_asked_again_is_answered_again(world: World) -> None:
    sharing = await world.sharing()
    path = f"/v1/subscriptions/{sharing.subscription}"
    said = {"reason": "超范围使用", "remedy_by": "2098-01-01"}
    key = {"Idempotency-Key": unique()}
    head = sharing.provider.head
    first = await head.post(f"{path}/suspend", said, headers=key)
    again = await head.post(f"{path}/suspend", said, headers=key)
    assert first.status_code == again.status_code == 200, again.text
    assert again.json()["status"] == "suspended"
    assert again.headers["idempotency-replayed"] == "true"
    reused = await head.post(f"{path}/suspend", said | {"reason": "x"}, headers=key)
    problem(reused, 422, "idempotency_key_reused")
