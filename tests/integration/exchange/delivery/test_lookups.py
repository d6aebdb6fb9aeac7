"""Query and verify over HTTP, through every guard that pull has (P3)."""

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
from sqlalchemy import text

from exchange.delivery.lookup.budgets import LAST_TRIES
from kernel.database import Database
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.world import Sharing, World

Json = dict[str, Any]
NANNING = [{"item": "region", "op": "eq", "value": "450100"}]
ITEMS: tuple[Json, ...] = (
    {"name": "id", "key": True},
    {"name": "name", "required": True, "mask": {"kind": "partial", "keep_start": 1, "keep_end": 0}},
    {"name": "region"},
    {"name": "amount", "data_type": "integer"},
)
RECORDS = [
    {"id": "k1", "name": "韦某某", "region": "450100", "amount": 12},
    {"id": "k2", "name": "黄某某", "region": "450200", "amount": 5},
]
TRYING, SUBJECTS = 16, 1000
ABOUT = {"matter": "养老待遇资格认证", "reference": "桂社保〔2026〕7号"}


async def shared(world: World, mode: str, **asked: Any) -> Sharing:  # noqa: ANN401
    """A subscription of the mode to a resource that holds RECORDS."""
    sharing = await world.sharing(ITEMS, mode=mode, **asked)
    await sharing.publisher.publish(sharing.resource, RECORDS)
    path = f"/v1/resources/{sharing.resource}/records"

    async def is_folded() -> bool:
        answer = await sharing.publisher.get(path)
        return answer.status_code == 200 and len(answer.json()["items"]) == len(RECORDS)

    await eventually(is_folded)
    return sharing


def key_path(sharing: Sharing, key: str) -> str:
    return f"/v1/subscriptions/{sharing.subscription}/records/{quote(key, safe='')}"


async def query(sharing: Sharing, key: str = "k1", **options: Any) -> httpx.Response:  # noqa: ANN401
    return await sharing.subscriber.get(key_path(sharing, key), **options)


async def verify(
    sharing: Sharing,
    expect: Json | None = None,
    key: str = "k1",
    **changes: Any,  # noqa: ANN401
) -> httpx.Response:
    expect = {"name": "韦某某"} if expect is None else expect
    body = {"key": key, "expect": expect, **ABOUT, **changes}
    return await sharing.subscriber.post(f"/v1/subscriptions/{sharing.subscription}/verify", body)


async def test_a_key_is_answered_as_pull_shows_it_and_hidden_rows_are_absent(world: World) -> None:
    sharing = await shared(
        world, "query", row_filter=NANNING, granted=["id", "name", "region"], records_per_day=3
    )
    answer = await query(sharing)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["data"] == {"id": "k1", "name": "韦***", "region": "450100"}
    assert (told["key"], told["version"]) == ("k1", 1)
    assert told["as_of"].endswith("+00:00")
    hidden, absent = await query(sharing, "k2"), await query(sharing, "k9")
    problem(hidden, 404, "not_found")
    problem(absent, 404, "not_found")
    assert hidden.json()["detail"] == absent.json()["detail"]
    assert "k2" not in hidden.text
    # What was not handed on is not charged.
    await query(sharing)
    await query(sharing)

    async def is_used_up() -> bool:
        return (await query(sharing)).status_code == 429

    await eventually(is_used_up)
    problem(await query(sharing), 429, "quota_exhausted")
    problem(await query(sharing, "k9"), 429, "quota_exhausted")


async def test_a_masked_key_is_asked_for_as_it_is_and_told_as_in_pull(world: World) -> None:
    items = ({**ITEMS[0], "mask": {"kind": "hash"}}, *ITEMS[1:])
    sharing = await world.sharing(items, mode="query")
    await sharing.publisher.publish(sharing.resource, [{**RECORDS[0], "id": "a/b 1"}])

    async def is_there() -> bool:
        return (await query(sharing, "a/b 1")).status_code == 200

    await eventually(is_there)
    told = (await query(sharing, "a/b 1")).json()
    assert "a/b 1" not in (told["key"], told["data"]["id"])
    problem(await sharing.subscriber.get(key_path(sharing, "x") + "/y"), 404, "not_found")
    problem(await query(sharing, "k1", params={"no": "1"}), 400, "invalid_parameter")


async def test_verifying_tells_whether_and_nothing_else(world: World) -> None:
    sharing = await shared(
        world, "verify", granted=["id", "name", "amount", "region"], agreed={"row_filter": NANNING}
    )
    matching = await verify(sharing, {"name": "韦某某", "amount": 12, "id": "k1"})
    assert matching.json() == {"match": True}
    alike = [
        await verify(sharing, {"name": "黄某某"}),
        await verify(sharing, {"name": "黄某某"}, key="k2"),
        await verify(sharing, {"name": "黄某某"}, key="k9"),
    ]
    assert [answer.json() for answer in alike] == [{"match": False}] * 3
    assert len({answer.headers["content-length"] for answer in alike}) == 1
    faults: tuple[tuple[Json, str], ...] = (
        ({"expect": {"nothing": "x"}}, "expect.nothing"),
        ({"expect": {"amount": "12"}}, "expect.amount"),
        ({"expect": {"id": "k1"}}, "expect"),
        ({"expect": {}}, "expect"),
        ({"matter": ""}, "matter"),
        ({"reference": None}, "reference"),
    )
    for changes, path in faults:
        errors = problem(await verify(sharing, **changes), 422, "validation_failed")["errors"]
        assert path in {error["path"] for error in errors}


async def test_what_does_not_match_is_named_only_where_the_agreement_says_so(world: World) -> None:
    sharing = await shared(world, "verify", agreed={"detail": True})
    answer = await verify(sharing, {"name": "黄某某", "amount": 12})
    assert answer.json() == {"match": False, "mismatched": ["name"]}
    answer = await verify(sharing, {"name": "黄某某", "amount": 12}, key="k9")
    assert answer.json() == {"match": False, "mismatched": ["name", "amount"]}


GUESSED = text("""
    UPDATE exchange.verify_window SET outcomes = repeat('1', :tries) WHERE subscription_id = :id
""")


async def test_budgets_alarms_and_the_third_alarm_suspends(
    world: World, database: Database
) -> None:
    """Five tries a subject; where most of the last hundred tries were wrong, that is an alarm."""
    sharing = await shared(world, "verify")
    for _ in range(5):
        assert (await verify(sharing)).status_code == 200
    told = problem(await verify(sharing), 429, "quota_exhausted")
    assert told["policy"] == "tries"
    for number in range(3):
        assert (await verify(sharing, key=f"guess{number}")).json() == {"match": False}
        async with database.transaction() as session:
            facts = {"tries": LAST_TRIES, "id": sharing.subscription}
            await session.execute(GUESSED, facts)
        alarmed = await verify(sharing, key="guess")
        if number < 2:
            problem(alarmed, 429, "guessing_suspected")
            assert int(alarmed.headers["retry-after"]) > 0

    async def is_suspended() -> bool:
        return (await verify(sharing)).status_code == 403

    await eventually(is_suspended)
    problem(await verify(sharing), 403, "subscription_suspended")
    page = await world.auditor.ask(
        "GET", "/v1/audit", params={"thing": sharing.subscription, "limit": 200}
    )
    events = [row["event"] for row in page["items"]]
    assert events.count("verify.guessing_suspected") == 3
    assert "subscription.suspended" in events
    tries = next(row for row in page["items"] if row["event"] == "verify.answered")["details"]
    assert tries["tries"][0]["matter"] == ABOUT["matter"]
    for secret in (ABOUT["reference"], "guess1", "韦某某"):
        assert secret not in str(page)


async def test_whoever_a_suspension_overtakes_is_told_of_it(world: World) -> None:
    """Five answers of verify were 503: the rule had changed between their try and their answer."""
    sharing = await shared(world, "verify")
    records = [{"id": f"n{each}", "name": "韦某某"} for each in range(SUBJECTS)]
    await sharing.publisher.publish(sharing.resource, records)

    async def is_folded() -> bool:
        return bool((await verify(sharing, key=records[-1]["id"])).json()["match"])

    await eventually(is_folded)
    codes: set[str] = set()

    async def tried(first: int) -> None:
        for each in records[first:-1:TRYING]:
            answer = await verify(sharing, key=each["id"])
            codes.add("ok" if answer.is_success else answer.json()["code"])
            if not answer.is_success:
                return

    trying = [asyncio.create_task(tried(first)) for first in range(TRYING)]
    await eventually(lambda: "ok" in codes)
    path = f"/v1/subscriptions/{sharing.subscription}/suspend"
    reason = {"reason": "核查", "remedy_by": "2098-01-01"}
    await sharing.provider.head.ask("POST", path, reason)
    await asyncio.gather(*trying)
    assert codes == {"ok", "subscription_suspended"}
