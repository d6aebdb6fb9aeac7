"""Of several things that are wrong with a request the first in the order is told (F8, F9)."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from kernel.ids import new_id
from tests.support.callers import Caller
from tests.support.problems import problem
from tests.support.world import ClientApp, Department, Sharing, World, unique

Json = dict[str, Any]
JSON = {"Content-Type": "application/json"}
MIB = 1024 * 1024


@dataclass
class Fault:
    """What is wrong with a request, how it is refused, and how the request is made so."""

    status: int
    code: str
    query: str = ""
    headers: Json = field(default_factory=dict)
    content: bytes | None = None


# In the order of docs/api.md section 1; of the thing, the state and the caller see the tests.
QUERY = Fault(400, "invalid_parameter", query="colour=red")
MEDIA = Fault(415, "unsupported_media_type", headers={"Content-Type": "text/plain"})
CODING = Fault(415, "unsupported_media_type", headers={"Content-Encoding": "br"})
SIZE = Fault(413, "body_too_large", content=b" " * (9 * MIB))
UNREADABLE = Fault(400, "malformed_json", content=b"{")
WRONG = Fault(422, "validation_failed", content=b'{"reason": 5}')
FAULTS = (QUERY, MEDIA, CODING, SIZE, UNREADABLE, WRONG)


async def asked(who: Caller, method: str, path: str, *faults: Fault, **headers: str) -> Any:  # noqa: ANN401
    """Send a request with all of the faults."""
    query = "&".join(fault.query for fault in faults if fault.query)
    named: Json = dict(JSON, **{name.replace("_", "-"): text for name, text in headers.items()})
    for fault in reversed(faults):
        named |= fault.headers
    content = next((fault.content for fault in faults if fault.content is not None), b"{}")
    return await who.send(
        method, f"{path}?{query}" if query else path, content=content, headers=named
    )


@pytest.fixture(scope="module")
async def draft(world: World, department: Department) -> str:
    return await world.resource(department, publish=False)


@pytest.mark.parametrize("number", range(len(FAULTS)))
async def test_the_earlier_fault_of_a_transition_is_told(
    world: World, department: Department, draft: str, number: int
) -> None:
    """`return` of a draft, whose state comes before the body alone."""
    path = f"/v1/resources/{draft}/return"
    told = await asked(world.authority, "POST", path, *FAULTS[number:])
    fault = FAULTS[number]
    if fault in (UNREADABLE, WRONG):
        assert problem(told, 409, "illegal_transition")["state"] == "draft"
    else:
        problem(told, fault.status, fault.code)
    # Whoever may not know of the thing, or has no such role, hears of that alone.
    told = await asked(world.authority, "POST", f"/v1/resources/{new_id()}/return", fault)
    problem(told, 404, "not_found")
    told = await asked(department.clerk, "POST", path, fault)
    problem(told, 403, "role_required")


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_creation_asks_for_the_role_first(department: Department, fault: Fault) -> None:
    told = await asked(department.clerk, "POST", "/v1/standards", fault)
    problem(told, 403, "role_required")


async def test_a_change_asks_for_its_revision_before_state_and_body(
    world: World, department: Department
) -> None:
    resource = await world.resource(department, publish=False)
    path = f"/v1/resources/{resource}"
    clerk = department.clerk
    problem(await asked(clerk, "PUT", path, MEDIA), 415, "unsupported_media_type")
    problem(await asked(clerk, "PUT", path, UNREADABLE), 428, "precondition_required")
    problem(await asked(clerk, "PUT", path, WRONG), 428, "precondition_required")
    problem(await asked(clerk, "PUT", path, WRONG, If_Match='"99"'), 412, "stale")
    problem(await asked(clerk, "PUT", path, WRONG, If_Match='W/"1"'), 412, "stale")
    problem(await asked(clerk, "PUT", path, WRONG, If_Match='"1"'), 422, "validation_failed")
    problem(await asked(clerk, "PUT", path, QUERY, If_Match='"99"'), 400, "invalid_parameter")
    signed = {"leader_name": "黄某", "signed_on": "2026-01-06"}
    await department.head.ask("POST", f"{path}/submit", signed)
    problem(await asked(clerk, "PUT", path, WRONG, If_Match='"1"'), 412, "stale")
    problem(await asked(clerk, "PUT", path, WRONG, If_Match="*"), 409, "illegal_transition")
    stranger = await world.department("450100")
    problem(await asked(stranger.clerk, "PUT", path, WRONG), 404, "not_found")


async def test_a_tag_in_a_list_counts(world: World, department: Department) -> None:
    """`If-Match: "1", "2"` was once 412 whatever the revision was (F17)."""
    path = f"/v1/departments/{department.uscc}"
    present = (await world.operator.get(path)).headers["etag"]
    body = {"name": unique("厅")}
    for given in ('"998", {}', '{},"999"'):
        named = {"If-Match": given.format(present)}
        answer = await world.operator.patch(path, body, headers=named)
        assert answer.status_code == 200, answer.text
        present = answer.headers["etag"]
    for given in ('"998", "999"', f"W/{present}", f'"998", W/{present}', "1", ""):
        answer = await world.operator.patch(path, body, headers={"If-Match": given})
        problem(answer, 412, "stale")


PUBLISH_FAULTS = (
    Fault(400, "invalid_parameter", query="colour=red"),
    Fault(400, "invalid_parameter", query="op=erase"),
    Fault(400, "invalid_parameter", headers={"Exchange-Resource-Version": "x"}),
    MEDIA,
    CODING,
    SIZE,
    UNREADABLE,
)


@pytest.mark.parametrize("number", range(len(PUBLISH_FAULTS)))
async def test_the_earlier_fault_of_a_publish_is_told(
    world: World, sharing: Sharing, department: Department, number: int
) -> None:
    faults = PUBLISH_FAULTS[number:]
    path = f"/v1/resources/{sharing.resource}/records"
    told = await asked(sharing.publisher, "POST", path, *faults)
    problem(told, faults[0].status, faults[0].code)
    told = await asked(sharing.publisher, "POST", f"/v1/resources/{new_id()}/records", *faults)
    problem(told, 404, "not_found")
    other = await world.client(department)
    problem(await asked(other, "POST", path, *faults), 403, "not_your_department")


async def test_the_state_of_a_resource_comes_before_its_records(
    world: World, department: Department, system: ClientApp, draft: str
) -> None:
    path = f"/v1/resources/{draft}/records"
    problem(await asked(system, "POST", path, UNREADABLE), 409, "resource_not_published")
    problem(await asked(system, "POST", path, MEDIA), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "query", ["colour=red", "limit=0", "limit=1.0", "wait=-1", "limit=1&limit=1"]
)
async def test_a_pull_asks_for_the_subscription_before_its_parameters(
    sharing: Sharing, query: str
) -> None:
    path = f"/v1/subscriptions/{sharing.subscription}/records?{query}"
    told = problem(await sharing.subscriber.get(path), 400, "invalid_parameter")
    if query != "limit=1&limit=1":
        assert [error["path"] for error in told["errors"]] == [query.partition("=")[0]]
    problem(await sharing.publisher.get(path), 404, "not_found")
    problem(
        await sharing.subscriber.get(f"/v1/subscriptions/{new_id()}/records?{query}"),
        404,
        "not_found",
    )


async def test_every_operation_names_a_parameter_that_it_does_not_know(world: World) -> None:
    """`?departement=xyz` once listed everything (F9)."""
    paths = (await world.http.get("/openapi.json")).json()["paths"]
    tried = 0
    for path, methods in paths.items():
        if "{" in path or not path.startswith("/v1/") or "get" not in methods:
            continue
        who = {"/v1/audit": world.auditor, "/v1/people": world.security}.get(path, world.authority)
        answer = await who.get(f"{path}?departement=xyz")
        told = problem(answer, 400, "invalid_parameter")
        assert [error["path"] for error in told["errors"]] == ["departement"], path
        assert "departement" in told["detail"]
        tried += 1
    assert tried > 10


@pytest.mark.parametrize("value", ["1.0", "1e1", " 1", "0x1", "", "1_0"])
async def test_a_number_of_a_query_is_whole(world: World, value: str) -> None:
    answer = await world.authority.get("/v1/standards", params={"limit": value})
    told = problem(answer, 400, "invalid_parameter")
    assert [error["path"] for error in told["errors"]] == ["limit"]


@pytest.mark.parametrize("query", ["limit=1&limit=2", "q=a&q=b"])
async def test_a_parameter_stands_once(world: World, query: str) -> None:
    told = problem(await world.authority.get(f"/v1/standards?{query}"), 400, "invalid_parameter")
    assert [error["code"] for error in told["errors"]] == ["duplicate"]


@pytest.mark.parametrize(
    "since",
    [
        "9999-12-31T23:59:59-08:00",
        "0001-01-01T00:00:00+08:00",
        "1700000000",
        "2026-05-01 10:00:00Z",
    ],
)
async def test_a_time_that_is_none_is_named(world: World, since: str) -> None:
    """The first was once a 400 that named nothing (F13)."""
    told = await world.auditor.get("/v1/audit", params={"since": since})
    assert [error["path"] for error in problem(told, 400, "invalid_parameter")["errors"]] == [
        "since"
    ]


async def test_pages_and_tokens_ignore_what_they_do_not_know(world: World) -> None:
    """RFC 6749 section 3.1."""
    answer = await world.http.get("/.well-known/oauth-authorization-server?colour=red")
    assert answer.status_code == 200
    assert (await world.http.get("/docs?colour=red")).status_code == 200


async def test_a_choice_lists_what_is_allowed(world: World, department: Department) -> None:
    """有条件共享 for a share type once said only that it was not allowed (F10)."""
    entry = {"share_type": "有条件共享", "open_type": "x", "update_cycle": "never"}
    answer = await department.clerk.post("/v1/resources", entry)
    told = problem(answer, 422, "validation_failed")
    allowed = {error["path"]: error.get("allowed") for error in told["errors"]}
    assert allowed["share_type"] == ["unconditional", "conditional", "none"]
    assert allowed["open_type"] == ["open", "conditional", "closed"]
    answer = await department.clerk.get("/v1/resources?share_type=x")
    told = problem(answer, 400, "invalid_parameter")
    assert told["errors"][0]["allowed"] == ["unconditional", "conditional", "none"]


async def test_a_read_that_is_known_has_no_body(world: World, sharing: Sharing) -> None:
    """If-None-Match was once not heard (F17)."""
    path = f"/v1/departments/{sharing.provider.uscc}"
    tag = (await world.operator.get(path)).headers["etag"]
    for given in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = await world.operator.get(path, headers={"If-None-Match": given})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    assert (await world.operator.get(path, headers={"If-None-Match": '"0"'})).status_code == 200


async def test_the_tag_of_a_subscription_tells_of_its_lag(world: World) -> None:
    """It is weak, since what it tells changes without a revision, and changes with it (F17)."""
    sharing = await world.sharing()
    path = f"/v1/subscriptions/{sharing.subscription}"
    tag = (await sharing.subscriber.get(path)).headers["etag"]
    assert tag.startswith("W/")
    again = await sharing.subscriber.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 304
    await sharing.publisher.publish(sharing.resource, [{"id": "1", "name": "某"}])
    again = await sharing.subscriber.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.json()["lag"]) == (200, 1)
    tags = set[str]()
    for place in ("earliest", "latest"):
        found = await sharing.subscriber.ask("POST", f"{path}/rewind", {"to": place})
        stored = await sharing.subscriber.send("PUT", f"{path}/position", found)
        tags.add(stored.headers["etag"])
    assert len(tags) == 2


async def test_after_a_grant_the_side_comes_before_the_body(world: World) -> None:
    """What the consumer reports and the provider confirms told the other side of its body."""
    sharing = await world.sharing()
    consumer, provider = sharing.consumer.head, sharing.provider.head
    for stranger, part in (
        (provider, "usage-records"),
        (provider, "disposal"),
        (consumer, "disposal/confirm"),
        (consumer, "disposal/return"),
    ):
        path = f"/v1/subscriptions/{sharing.subscription}/{part}"
        problem(await asked(stranger, "POST", path, UNREADABLE), 403, "not_your_department")


async def test_who_may_neither_object_nor_file_is_told_so_before_the_body(world: World) -> None:
    """The provider, and the authority of another city, were told what is wrong with the body."""
    sharing = await world.sharing()
    path = f"/v1/subscriptions/{sharing.subscription}/corrections"
    for fault in (UNREADABLE, WRONG):
        refused = await asked(sharing.provider.head, "POST", path, fault)
        problem(refused, 403, "not_your_department")
        problem(await asked(sharing.publisher, "POST", path, fault), 404, "not_found")
        problem(await asked(sharing.subscriber, "POST", path, fault), fault.status, fault.code)
    elsewhere = await world.department("450200", authority=True)
    path = f"/v1/resources/{sharing.resource}/file-change"
    refused = await asked(elsewhere.authority, "POST", path, UNREADABLE)
    problem(refused, 403, "not_your_department")
