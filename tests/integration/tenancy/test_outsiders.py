"""To outsiders a thing of others and a thing that never was look alike, whatever is asked (P10)."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from kernel.ids import new_id
from tests.integration.auth.test_delegations import terms
from tests.integration.exchange.attachments.test_attachments import kept
from tests.support.callers import Caller
from tests.support.world import Department, World

REASON = {"reason": "测试"}
BODIES: Mapping[str, Any] = {
    "submit": {"leader_name": "黄某", "signed_on": "2026-01-06"},
    "return": REASON,
    "change-notice": {"occurred_on": "2026-01-05", "cause": "职责调整"},
    "yearly-review": {"outcome": "kept", "note": "测试"},
    "retire": REASON,
    "request-supplement": {"missing": ["basis"], "message": "请补充"},
    "supplement": {"scenario": "另一场景"},
    "extend": {"working_days": 1, **REASON},
    "deny-extension": REASON,
    "refuse": {"code": 1, **REASON},
    "suspend": {**REASON, "remedy_by": "2098-01-01"},
    "terminate": REASON,
    "file-termination": {"reference": "备案〔2026〕1号"},
    "announce": {"effective_on": "2098-01-01", **REASON},
    "accept-version": {"version": 2},
    "object": {"version": 2, **REASON},
    "reroute": {"resource_id": "0" * 32, **REASON},
    "position": {"cursor": "AAAA"},
    "rewind": {"to": "earliest"},
    "usage-records": {
        "period": ["2026-01-01", "2026-01-02"],
        **dict.fromkeys(("scenario", "process", "effect", "storage"), "测试"),
    },
    "disposal": {"method": "测试", "done_on": "2026-01-02"},
    "corrections": {"key": "a", "problem": "wrong", "description": "测试"},
    "reject": REASON,
    "fix": {"receipt_id": "AAAA"},
    "renew": {"valid_until": "2098-01-01"},
    "answer": {"text": "测试"},
    "reopen": REASON,
    "merge": {"into": "0" * 32},
    "assign": {"department": "11450000000000000X"},
    "accept": {"planned_on": "2098-01-01"},
    "decline": REASON,
    "meet": {"resource_id": "0" * 32},
    "amend": {"records_per_day": 1},
    "snapshots": {"format": "csv"},
    "validate": [],
    "endpoint": {"url": "https://receiver.example/"},
    "skip": REASON,
    "resolve": {"entries": ["0" * 32 + "-00000"]},
}
PARAMS = {"diff": {"from": "1", "to": "1"}}
# Where the same action of another family takes another body.
EXACT: Mapping[str, Any] = {
    "/v1/clients/{client_id}/suspend": REASON,
    "/v1/resources/{resource_id}/change-notice/extend": REASON,
}
CHANGES: Mapping[str, Any] = {
    "/v1/applications/{application_id}": {"scenario": "另一场景"},
    "/v1/clients/{client_id}": {"name": "改名"},
}
# What is published is for everybody to see; a draft is not, so the tested resource is one.
FAMILIES = (
    "/v1/applications/{",
    "/v1/attachments/{",
    "/v1/bundles/{",
    "/v1/corrections/{",
    "/v1/delegations/{",
    "/v1/demands/{",
    "/v1/jobs/{",
    "/v1/orders/{",
    "/v1/subscriptions/{",
    "/v1/clients/{",
    "/v1/resources/{",
)
UNTESTED = {
    ("put", "/v1/resources/{resource_id}"),
    # No JSON, and the same of every resource: what of tus is spoken.
    ("patch", "/v1/resources/{id}/files/{file_id}"),
    ("options", "/v1/resources/{id}/files"),
}


def asked(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path, methods in told["paths"].items():
        if path.startswith(FAMILIES) or path.startswith("/v1/receipts/{"):
            yield from ((method, path) for method in methods if (method, path) not in UNTESTED)


def placed(path: str, things: Mapping[str, str]) -> str:
    """Put the id of the thing that a path is about into it."""
    family = path.split("/")[2]
    start, end = path.index("{"), path.index("}")
    return path[:start] + things[family] + path[end + 1 :].replace("{number}", "1")


async def said(who: Caller, method: str, path: str, target: str) -> tuple[int, str, str]:
    action = path.rpartition("/")[2]
    body: Any = EXACT.get(path, BODIES.get(action, {})) if method != "get" else None
    if method == "patch":
        body = CHANGES[path]
    answer = await who.send(
        method.upper(), target, body, headers={"If-Match": '"1"'}, params=PARAMS.get(action)
    )
    told = answer.json()
    return answer.status_code, told.get("code", ""), told.get("detail", "")


def bundle_of(subscription: Mapping[str, Any]) -> dict[str, Any]:
    """Return a form of one line that asks for what a subscription has."""
    line = {name: subscription[name] for name in ("resource_id", "client_id", "items", "mode")}
    said = {"title": "批量", "basis": "条例", "scenario": "场景", "scope": "本部门"}
    return {**said, "valid_until": "2098-12-31", "commitment": True, "lines": [line]}


@pytest.fixture(scope="module")
async def things(world: World) -> dict[str, str]:
    """Ids of things of two departments that have to do with each other."""
    sharing = await world.sharing()
    receipt = await sharing.publisher.publish(sharing.resource, [{"id": "1", "name": "某"}])
    shown = await sharing.subscriber.ask("GET", f"/v1/subscriptions/{sharing.subscription}")
    listed = await sharing.consumer.clerk.ask("GET", "/v1/applications?role=consumer")
    assert shown["client_id"] == sharing.subscriber.id
    bundle = await sharing.consumer.clerk.ask("POST", "/v1/bundles", bundle_of(shown))
    missing = {"key": "z", "problem": "missing", "description": "缺失"}
    path = f"/v1/subscriptions/{sharing.subscription}/corrections"
    correction = await sharing.consumer.clerk.ask("POST", path, missing)
    attachment = await kept(sharing.consumer.clerk)
    to_consumer = terms(sharing.consumer, "apply")
    delegation = await sharing.provider.head.ask("POST", "/v1/delegations", to_consumer)
    upload = await sharing.provider.clerk.post(
        f"/v1/resources/{sharing.resource}/uploads", files={"file": ("a.csv", b"id,name\n2,a\n")}
    )
    return {
        "orders": await world.order(sharing.provider),
        "attachments": attachment["id"],
        "corrections": correction["id"],
        "delegations": delegation["id"],
        "jobs": upload.json()["job_id"],
        "demands": await world.demand(sharing.consumer, submit=False),
        "bundles": bundle["id"],
        "applications": listed["items"][0]["id"],
        "subscriptions": sharing.subscription,
        "clients": sharing.subscriber.id,
        "resources": await world.resource(sharing.provider, publish=False),
        "receipts": receipt["receipt_id"],
    }


@pytest.fixture(scope="module")
async def stranger(world: World) -> Department:
    return await world.department("450100")


@pytest.mark.parametrize("role", ["clerk", "head", "authority", "client"])
async def test_another_departments_things_are_like_things_that_never_were(
    world: World, things: dict[str, str], stranger: Department, role: str
) -> None:
    who: Caller = await world.client(stranger) if role == "client" else getattr(stranger, role)
    await who.token()
    never = dict.fromkeys(things, new_id())
    told = (await world.http.get("/openapi.json")).json()
    different, tried = [], 0
    for method, path in asked(told):
        real, unreal = await asyncio.gather(
            *(said(who, method, path, placed(path, those)) for those in (things, never))
        )
        tried += 1
        if real != unreal or real[0] not in (400, 403, 404):
            different.append((method, path, real, unreal))
    assert tried > 30
    assert different == [], "\n".join(map(str, different))


async def test_lists_show_outsiders_nothing(
    world: World, things: dict[str, str], stranger: Department
) -> None:
    client = await world.client(stranger)
    for who in (stranger.clerk, stranger.head, client):
        for path in (
            "/v1/applications?role=consumer",
            "/v1/applications?role=provider",
            "/v1/subscriptions",
            "/v1/clients",
            "/v1/resources?status=draft",
        ):
            answer = await who.get(path)
            if answer.status_code == 200:
                shown = answer.text
                assert not [thing for thing in things.values() if thing in shown], (path, shown)
