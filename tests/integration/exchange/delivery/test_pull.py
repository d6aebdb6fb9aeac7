"""Pull over HTTP: exactly what was approved, repeatable, and never a moment too long (P3, P6)."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition
from sqlalchemy import text

from deploy.local.stack import Endpoints
from exchange.log.topics import topic_of
from kernel.database import Database
from tests.support.callers import Pulled, told
from tests.support.eventually import eventually
from tests.support.world import Sharing, World


def records(*ids: str) -> list[dict[str, Any]]:
    return [{"id": id_, "name": f"名称{id_}", "amount": n} for n, id_ in enumerate(ids)]


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    """Ten records, r0 to r9, of which every item is granted."""
    made = await world.sharing()
    await made.publisher.publish(made.resource, records(*(f"r{n}" for n in range(10))))
    return made


async def other_worker(
    sharing: Sharing,
    than: str,
    path: str,
    **options: Any,  # noqa: ANN401
) -> httpx.Response:
    """Ask until another worker answers: each new connection may be taken by either."""
    headers = {"Authorization": f"Bearer {await sharing.subscriber.token()}"}
    for _try in range(200):
        async with httpx.AsyncClient(
            base_url=sharing.subscriber._http.base_url, timeout=240
        ) as fresh:
            answer = await fresh.get(path, headers=headers, **options)
        if answer.headers["exchange-worker"] != than:
            return answer
    raise AssertionError("the second worker never answered")


async def test_records_arrive_as_they_were_published(sharing: Sharing) -> None:
    page = await sharing.subscriber.pull(sharing.subscription)
    assert page.records == [
        {"op": "upsert", "key": r["id"], "data": r} for r in records(*(f"r{n}" for n in range(10)))
    ]
    assert page.lag == 0
    assert page.answer.headers["exchange-count"] == "10"
    assert page.answer.headers["content-type"] == "application/x-ndjson"


async def test_pages_follow_one_another_without_gap_or_overlap(sharing: Sharing) -> None:
    keys, cursor = [], None
    for expected_lag in (7, 4, 1, 0):
        page = await sharing.subscriber.pull(sharing.subscription, cursor, limit=3)
        keys += [record["key"] for record in page.records]
        cursor = page.cursor
        assert page.lag == expected_lag
    assert keys == [f"r{n}" for n in range(10)]
    empty = await sharing.subscriber.pull(sharing.subscription, cursor)
    assert (empty.records, empty.lag) == ([], 0)


async def test_json_is_given_to_who_accepts_it(sharing: Sharing) -> None:
    path = f"/v1/subscriptions/{sharing.subscription}/records"
    answer = await sharing.subscriber.get(path, headers={"Accept": "application/json"})
    body = answer.json()
    assert len(body["items"]) == 10
    assert body["next_cursor"] == answer.headers["exchange-next-cursor"]


async def test_asking_again_on_any_worker_gives_the_same_page(sharing: Sharing) -> None:
    first = await sharing.subscriber.pull(sharing.subscription, limit=4)
    path = f"/v1/subscriptions/{sharing.subscription}/records"
    params = {"cursor": first.cursor, "limit": "3"}
    one = await sharing.subscriber.get(path, params=params)
    two = await other_worker(sharing, one.headers["exchange-worker"], path, params=params)
    assert one.content == two.content != b""


@pytest.mark.parametrize("partitions", [1, 3])
async def test_a_page_asked_again_begins_the_same_while_records_keep_coming(
    world: World, partitions: int
) -> None:
    sharing = await world.sharing(partitions=partitions)

    async def publish(prefix: str) -> None:
        await sharing.publisher.publish(
            sharing.resource, records(*(f"{prefix}{n}" for n in range(7)))
        )

    start = await sharing.subscriber.pull(sharing.subscription)
    await publish("a")
    seen: list[Pulled] = []
    for prefix in "bcd":
        page = await sharing.subscriber.pull(sharing.subscription, start.cursor, limit=100)
        assert page.records[: len(seen[-1].records) if seen else 0] == (
            seen[-1].records if seen else []
        )
        seen.append(page)
        await publish(prefix)
    everything = await sharing.subscriber.pull_all(sharing.subscription, start.cursor)
    assert len({record["key"] for record in everything.records}) == 28
    assert len(everything.records) == 28


async def test_a_round_of_hidden_records_is_followed_by_the_next_whether_one_waits_or_not(
    world: World,
) -> None:
    """One cursor gave the record to who waited, and for ever nothing to who did not (P6)."""
    hides = [{"item": "amount", "op": "ge", "value": 2}]
    sharing = await world.sharing(partitions=2, row_filter=hides)
    start = (await sharing.subscriber.pull(sharing.subscription)).cursor
    await sharing.publisher.publish(sharing.resource, [{"id": "h", "name": "x", "amount": 1}])
    assert (await sharing.subscriber.pull(sharing.subscription, start)).records == []
    await sharing.publisher.publish(sharing.resource, [{"id": "v", "name": "x", "amount": 3}])
    at_once = await sharing.subscriber.pull(sharing.subscription, start)
    waited = await sharing.subscriber.pull(sharing.subscription, start, wait=20)
    assert [record["key"] for record in at_once.records] == ["v"]
    assert at_once.answer.content == waited.answer.content


async def test_with_a_row_filter_nothing_counts_the_hidden_rows(world: World) -> None:
    """Lags of 201, 196, 191 at limit=1 told how many rows lay between."""
    hides = [{"item": "amount", "op": "ge", "value": 8}]
    sharing = await world.sharing(row_filter=hides)
    await sharing.publisher.publish(sharing.resource, records(*(f"r{n}" for n in range(10))))
    first = await sharing.subscriber.pull(sharing.subscription, limit=1)
    second = await sharing.subscriber.pull(sharing.subscription, first.cursor, limit=1)
    last = await sharing.subscriber.pull(sharing.subscription, second.cursor)
    assert [page.lag for page in (first, second, last)] == [1, 0, 0]
    shown = await sharing.consumer.clerk.ask("GET", f"/v1/subscriptions/{sharing.subscription}")
    assert shown["lag"] == 1


async def test_a_topic_made_anew_is_told_and_no_record_skipped(
    world: World, endpoints: Endpoints
) -> None:
    """A cursor of the topic before skipped as many records of the new one."""
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records("a", "b", "c"))
    old = await sharing.subscriber.pull(sharing.subscription)
    path = f"/v1/subscriptions/{sharing.subscription}"
    await sharing.subscriber.ask("PUT", f"{path}/position", {"cursor": old.cursor})
    topic = topic_of(sharing.resource)
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka_bootstrap)
    await admin.start()
    await admin.delete_topics([topic])

    async def made_anew() -> bool:
        answer = await admin.create_topics([NewTopic(topic, 1, 1)])
        return int(answer.topic_errors[0][1]) == 0

    await eventually(made_anew)
    await admin.close()

    async def published() -> bool:
        body = records("d", "e", "f", "g")
        return (await sharing.publisher.try_publish(sharing.resource, body)).status_code == 201

    # Longer than the topic before: its offsets are all there.
    await eventually(published, within_seconds=60)

    async def told_by_all() -> bool:
        # Within the rate of pulls that a subscription has.
        await asyncio.sleep(1)
        asked = [sharing.subscriber.try_pull(sharing.subscription, old.cursor) for _ in range(8)]
        answers = await asyncio.gather(*asked)
        return all(answer.status_code == 410 for answer in answers)

    await eventually(told_by_all, within_seconds=60)
    await asyncio.sleep(1)
    stored = await sharing.subscriber.try_pull(sharing.subscription)
    assert (stored.status_code, stored.json()["code"]) == (410, "cursor_expired")
    assert "lost" not in stored.json()
    page = await sharing.subscriber.pull(sharing.subscription, stored.json()["earliest_cursor"])
    assert [record["key"] for record in page.records][:4] == ["d", "e", "f", "g"]


async def test_order_per_key_holds_over_updates_and_deletes(world: World) -> None:
    sharing = await world.sharing(partitions=2)
    for version in range(3):
        body = [{"id": f"k{n}", "name": f"v{version}"} for n in range(6)]
        await sharing.publisher.publish(sharing.resource, body)
    await sharing.publisher.publish(
        sharing.resource, [{"id": f"k{n}"} for n in range(6)], op="delete"
    )
    shown = (await sharing.subscriber.pull_all(sharing.subscription)).records
    for key in (f"k{n}" for n in range(6)):
        story = [
            r["data"]["name"] if r["op"] == "upsert" else "gone" for r in shown if r["key"] == key
        ]
        assert story == ["v0", "v1", "v2", "gone"]


async def test_a_long_poll_answers_when_a_record_comes(world: World) -> None:
    sharing = await world.sharing()
    start = await sharing.subscriber.pull(sharing.subscription)
    poll = asyncio.create_task(sharing.subscriber.pull(sharing.subscription, start.cursor, wait=20))
    await asyncio.sleep(0.5)
    assert not poll.done()
    published_at = time.monotonic()
    await sharing.publisher.publish(sharing.resource, records("late"))
    page = await poll
    assert [record["key"] for record in page.records] == ["late"]
    assert time.monotonic() - published_at < 15


async def test_a_long_poll_without_news_ends_empty_with_a_cursor_to_go_on(
    sharing: Sharing,
) -> None:
    last = await sharing.subscriber.pull_all(sharing.subscription)
    begun = time.monotonic()
    page = await sharing.subscriber.pull(sharing.subscription, last.cursor, wait=1)
    assert (page.records, page.cursor) == ([], last.cursor)
    assert time.monotonic() - begun > 0.9


async def test_only_approved_items_and_rows_arrive_and_masked(world: World) -> None:
    masked = {"kind": "partial", "keep_start": 1, "keep_end": 0}
    sharing = await world.sharing(
        [
            {"name": "id", "key": True},
            {"name": "name", "required": True, "mask": masked},
            {"name": "amount", "data_type": "integer"},
            {"name": "secret"},
        ],
        granted=["id", "name"],
        agreed={"row_filter": [{"item": "amount", "op": "ge", "value": 2}]},
    )
    body = [{**record, "secret": "不得外传"} for record in records("a", "b", "c", "d")]
    await sharing.publisher.publish(sharing.resource, body)
    page = await sharing.subscriber.pull(sharing.subscription)
    assert [record["data"] for record in page.records] == [
        {"id": "c", "name": "名***"},
        {"id": "d", "name": "名***"},
    ]
    assert "不得外传" not in page.answer.text


async def test_a_key_that_is_masked_leaves_as_one_stable_hash(world: World) -> None:
    sharing = await world.sharing(
        [{"name": "id", "key": True, "mask": {"kind": "full"}}, {"name": "name"}]
    )
    await sharing.publisher.publish(sharing.resource, [{"id": "身份证号", "name": "a"}])
    await sharing.publisher.publish(sharing.resource, [{"id": "身份证号"}], op="delete")
    page = await sharing.subscriber.pull(sharing.subscription)
    upsert, delete = page.records
    assert upsert["key"] == delete["key"] != "身份证号"
    assert "身份证号" not in page.answer.text
    assert upsert["data"]["id"] == "***"


async def test_a_lifted_mask_shows_the_value(world: World) -> None:
    sharing = await world.sharing(
        [{"name": "id", "key": True}, {"name": "name", "mask": {"kind": "full"}}],
        unmasked=["name"],
    )
    await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "明文"}])
    page = await sharing.subscriber.pull(sharing.subscription)
    assert page.records[0]["data"]["name"] == "明文"


async def test_a_position_just_stored_holds_on_every_worker(world: World) -> None:
    """Another worker's plan was older than the commit, and gave what had been read already."""
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records(*(f"r{n}" for n in range(12))))
    path = f"/v1/subscriptions/{sharing.subscription}/position"
    for n in range(12):
        first, second = await asyncio.gather(
            *(sharing.subscriber.pull(sharing.subscription, limit=1) for _ in range(2))
        )
        assert [page.records[0]["key"] for page in (first, second)] == [f"r{n}"] * 2
        await sharing.subscriber.ask("PUT", path, {"cursor": first.cursor})


async def test_a_stored_position_is_where_a_pull_without_a_cursor_begins(world: World) -> None:
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records("a", "b", "c"))
    first = await sharing.subscriber.pull(sharing.subscription, limit=2)
    path = f"/v1/subscriptions/{sharing.subscription}"
    await sharing.subscriber.ask("PUT", f"{path}/position", {"cursor": first.cursor})
    again = await sharing.subscriber.pull(sharing.subscription)
    assert [record["key"] for record in again.records] == ["c"]
    shown = await sharing.consumer.clerk.ask("GET", path)
    assert (shown["position"], shown["lag"]) == (first.cursor, 1)


async def test_a_rewind_leads_to_the_earliest_the_latest_and_a_time(world: World) -> None:
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records("before"))
    await asyncio.sleep(1.1)
    between = datetime.now(UTC)
    await asyncio.sleep(0.1)
    await sharing.publisher.publish(sharing.resource, records("after"))

    async def from_(to: str) -> list[str]:
        path = f"/v1/subscriptions/{sharing.subscription}/rewind"
        cursor = (await sharing.subscriber.ask("POST", path, {"to": to}))["cursor"]
        page = await sharing.subscriber.pull(sharing.subscription, cursor)
        return [record["key"] for record in page.records]

    assert await from_("earliest") == ["before", "after"]
    assert await from_(between.isoformat()) == ["after"]
    assert await from_("latest") == []
    assert await from_((between + timedelta(days=365)).isoformat()) == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"cursor": "forged"}, "invalid_cursor"),
        ({"cursor": ""}, "invalid_cursor"),
        ({"limit": "0"}, "invalid_parameter"),
        ({"limit": "10001"}, "invalid_parameter"),
        ({"limit": "abc"}, "invalid_parameter"),
        ({"wait": "31"}, "invalid_parameter"),
        ({"wait": "-1"}, "invalid_parameter"),
        ({"since": "x"}, "invalid_parameter"),
    ],
)
async def test_bad_parameters_are_refused(
    sharing: Sharing, params: dict[str, str], code: str
) -> None:
    path = f"/v1/subscriptions/{sharing.subscription}/records"
    answer = await sharing.subscriber.get(path, params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_cursor_of_another_subscription_is_refused(world: World, sharing: Sharing) -> None:
    other = await world.sharing()
    theirs = await other.subscriber.pull(other.subscription)
    answer = await sharing.subscriber.try_pull(sharing.subscription, theirs.cursor)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


async def test_anothers_subscription_looks_like_none(world: World, sharing: Sharing) -> None:
    other = await world.sharing()
    theirs = await sharing.subscriber.try_pull(other.subscription)
    none = await sharing.subscriber.try_pull("0" * 32)
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert theirs.json()["detail"] == none.json()["detail"]


async def test_the_providers_own_system_has_no_grant_either(sharing: Sharing) -> None:
    answer = await sharing.publisher.try_pull(sharing.subscription)
    assert answer.status_code == 404


async def test_a_token_without_the_scope_is_refused(world: World, sharing: Sharing) -> None:
    narrow = await world.client(sharing.consumer, ["catalog:read"])
    answer = await narrow.try_pull(sharing.subscription)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


async def test_a_mode_that_was_not_granted_is_refused(
    world: World, sharing: Sharing, database: Database
) -> None:
    """Such grants are of the time when every mode could be applied for."""
    query = await world.subscription(sharing.resource, sharing.consumer, sharing.subscriber)
    async with database.transaction() as session:
        change = text("UPDATE exchange.subscription SET mode = 'query' WHERE id = :id")
        await session.execute(change.bindparams(id=query))
    answer = await sharing.subscriber.try_pull(query)
    assert (answer.status_code, answer.json()["code"]) == (403, "mode_not_granted")
    assert "query" in answer.json()["detail"]


async def test_a_quota_ends_the_day(world: World) -> None:
    sharing = await world.sharing(records_per_day=5)
    await sharing.publisher.publish(sharing.resource, records(*(f"q{n}" for n in range(9))))
    first = await sharing.subscriber.pull(sharing.subscription)
    assert len(first.records) == 5
    await asyncio.sleep(2.5)
    answer = await sharing.subscriber.try_pull(sharing.subscription, first.cursor)
    assert (answer.status_code, answer.json()["code"]) == (429, "quota_exhausted")
    assert 0 < int(answer.headers["retry-after"]) <= 86_400
    shown = await sharing.consumer.clerk.ask("GET", f"/v1/subscriptions/{sharing.subscription}")
    assert shown["used_today"] == 5


async def test_a_cursor_behind_the_retention_is_told_the_way_on(
    world: World, endpoints: Endpoints
) -> None:
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records("a", "b", "c", "d"))
    path = f"/v1/subscriptions/{sharing.subscription}/rewind"
    cursor = (await sharing.subscriber.ask("POST", path, {"to": "earliest"}))["cursor"]
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka_bootstrap)
    await admin.start()
    place = TopicPartition(topic_of(sharing.resource), 0)
    await admin.delete_records({place: RecordsToDelete(before_offset=3)})
    await admin.close()
    answer = await sharing.subscriber.try_pull(sharing.subscription, cursor, limit=2)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (410, "cursor_expired")
    page = await sharing.subscriber.pull(sharing.subscription, problem["earliest_cursor"])
    assert [record["key"] for record in page.records] == ["d"]


async def test_suspension_stops_delivery_within_a_second_open_polls_included(
    world: World,
) -> None:
    """Both workers, warm caches, two open long polls: all of them end (P3)."""
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records("a"))
    path = f"/v1/subscriptions/{sharing.subscription}/records"
    one = await sharing.subscriber.get(path)
    two = await other_worker(sharing, one.headers["exchange-worker"], path)
    assert (one.status_code, two.status_code) == (200, 200)
    cursor = one.headers["exchange-next-cursor"]
    polls = [
        asyncio.create_task(sharing.subscriber.try_pull(sharing.subscription, cursor, wait=25))
        for _ in range(6)
    ]
    await asyncio.sleep(0.5)
    tomorrow = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    await sharing.provider.head.ask(
        "POST",
        f"/v1/subscriptions/{sharing.subscription}/suspend",
        {"reason": "超范围使用", "remedy_by": tomorrow},
    )
    # Long before they would have ended by themselves.
    answers = await asyncio.wait_for(asyncio.gather(*polls), 20)
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(403, "subscription_suspended")}
    again = await sharing.subscriber.get(path)
    other = await other_worker(sharing, again.headers["exchange-worker"], path)
    assert (again.status_code, other.status_code) == (403, 403)
    await sharing.provider.head.ask("POST", f"/v1/subscriptions/{sharing.subscription}/resume")
    assert (await sharing.subscriber.try_pull(sharing.subscription)).status_code == 200


async def test_termination_by_the_consumer_ends_delivery(world: World) -> None:
    sharing = await world.sharing()
    await sharing.consumer.head.ask(
        "POST", f"/v1/subscriptions/{sharing.subscription}/terminate", {"reason": "目的已达成"}
    )
    answer = await sharing.subscriber.try_pull(sharing.subscription)
    assert (answer.status_code, answer.json()["code"]) == (403, "subscription_terminated")


async def test_a_revoked_token_and_a_suspended_client_end_open_polls(world: World) -> None:
    sharing = await world.sharing()
    for spoil in ("revoke", "suspend"):
        start = await sharing.subscriber.pull(sharing.subscription)
        poll = asyncio.create_task(
            sharing.subscriber.try_pull(sharing.subscription, start.cursor, wait=25)
        )
        await asyncio.sleep(0.3)
        if spoil == "revoke":
            revoked = await sharing.subscriber._http.post(
                "/oauth/revoke",
                data={"token": await sharing.subscriber.token()},
                auth=(sharing.subscriber.id, sharing.subscriber.secret),
            )
            assert revoked.status_code == 200
        else:
            path = f"/v1/clients/{sharing.subscriber.id}/suspend"
            await sharing.consumer.head.ask("POST", path)
        answer = await asyncio.wait_for(poll, 20)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
        sharing.subscriber.forget_token()


async def test_a_new_version_shows_no_item_that_was_not_granted(world: World) -> None:
    """Version 2 brings an item that the grant of version 1 does not name."""
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records("old"))
    assert (await sharing.subscriber.pull(sharing.subscription)).records
    path = f"/v1/resources/{sharing.resource}"
    await sharing.provider.clerk.ask("POST", f"{path}/revise")
    draft = await sharing.provider.clerk.get(path)
    entry = await world.entry(sharing.provider, [])
    items = [
        {
            name: item[name]
            for name in ("name", "label", "element", "required", "key", "role", "mask")
        }
        for item in draft.json()["items"]
    ]
    [extra] = await world.items({"name": "secret"})
    changed = await sharing.provider.clerk.put(
        path, {**entry, "items": [*items, extra]}, headers={"If-Match": draft.headers["etag"]}
    )
    told(changed)
    await world.publish(sharing.resource)
    body = [{"id": "new", "name": "新", "secret": "不得外传"}]
    await sharing.publisher.publish(sharing.resource, body)
    page = await sharing.subscriber.pull_all(sharing.subscription)
    assert json.dumps(page.records[-1]["data"], ensure_ascii=False) == '{"id": "new", "name": "新"}'


async def test_keys_are_joined_and_escaped(world: World) -> None:
    sharing = await world.sharing(
        [{"name": "a", "key": True}, {"name": "b", "key": True}, {"name": "c"}]
    )
    await sharing.publisher.publish(sharing.resource, [{"a": "x~y", "b": "50%", "c": "z"}])
    page = await sharing.subscriber.pull(sharing.subscription)
    assert page.records[0]["key"] == "x%7Ey~50%25"
