"""Push over HTTP and the worker: in order, nothing lost, stopped at once (P3, P4, P9)."""

from typing import Any

from sqlalchemy import text

from exchange.delivery.push.pace import OPENS_AFTER
from exchange.delivery.push.tools import Hosts
from kernel.database import Database
from kernel.ids import new_id
from shuyuan_client.webhooks import WebhookVerifier
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.receiving import Receiver, allow_loopback, receiving, set_endpoint
from tests.support.world import Sharing, World

Json = dict[str, Any]


async def pushed(world: World, receiver: Receiver, **asked: Any) -> Sharing:  # noqa: ANN401
    """A subscription of mode push whose receiver has answered the challenge."""
    fields = asked.pop("endpoint", {})
    sharing = await world.sharing(mode="push", **asked)
    await allow_loopback(world, sharing.consumer)
    await set_endpoint(sharing, receiver, **fields)
    return sharing


def rows(first: int, last: int) -> list[Json]:
    return [{"id": f"k{n:05}", "name": "韦某某", "amount": n} for n in range(first, last)]


def keys(receiver: Receiver) -> list[str]:
    return [each["key"] for each in receiver.records]


def path(sharing: Sharing, *more: str) -> str:
    return "/".join([f"/v1/subscriptions/{sharing.subscription}", *more])


async def deliveries(sharing: Sharing, status: str = "") -> list[Json]:
    query = f"?status={status}" if status else ""
    told = await sharing.consumer.clerk.ask("GET", path(sharing, f"deliveries{query}"))
    items: list[Json] = told["items"]
    return items


async def test_records_come_signed_in_order_and_the_challenge_before_them(world: World) -> None:
    async with receiving() as receiver:
        sharing = await pushed(world, receiver, endpoint={"max_records": 10})
        await sharing.publisher.publish(sharing.resource, rows(0, 35))
        await eventually(lambda: len(receiver.records) == 35)
        assert keys(receiver) == [f"k{n:05}" for n in range(35)]
        assert receiver.records[0]["data"] == {"id": "k00000", "name": "韦某某", "amount": 0}
        assert len(receiver.messages) == 4
        await eventually(lambda: _all_delivered(sharing, 4))
        told = (await deliveries(sharing))[0]
        assert (told["records"], told["status"], told["answer_status"]) == (5, "delivered", 200)
        assert told["id"] == receiver.messages[-1][0]

        pulled = await sharing.subscriber.pull(sharing.subscription)
        assert pulled.records == receiver.records
        for outsider in (sharing.provider.head, sharing.provider.clerk):
            problem(await outsider.get(path(sharing, "deliveries")), 403, "not_your_department")
            problem(await outsider.get(path(sharing, "endpoint")), 403, "not_your_department")


async def _all_delivered(sharing: Sharing, count: int) -> bool:
    return len(await deliveries(sharing, "delivered")) == count


async def test_a_failing_receiver_is_retried_with_one_id_and_others_go_on(world: World) -> None:
    async with receiving() as bad, receiving() as good:
        failing = await pushed(world, bad)
        working = await pushed(world, good)
        bad.status, bad.headers = 302, f"Location: {good.url}\r\n"
        await failing.publisher.publish(failing.resource, rows(0, 3))
        await working.publisher.publish(working.resource, rows(0, 3))
        await eventually(lambda: len(good.records) == 3 and bool(bad.refused))
        await eventually(lambda: _waits(failing))
        (told,) = await deliveries(failing, "waiting")
        assert (told["answer_status"], told["answer"]) == (302, "not now")
        assert told["failure"] == "status_302"
        assert len(good.messages) == 1

        bad.status, bad.headers = 200, ""
        head = failing.consumer.head
        problem(
            await failing.consumer.clerk.post(path(failing, "deliveries", told["id"], "retry")),
            403,
            "role_required",
        )
        await head.ask("POST", path(failing, "deliveries", told["id"], "retry"))
        await eventually(lambda: len(bad.records) == 3)
        assert {each for each, _ in bad.messages} == {told["id"]} == set(bad.refused)


async def _waits(sharing: Sharing) -> bool:
    return bool(await deliveries(sharing, "waiting"))


async def test_a_refused_batch_is_skipped_with_a_reason_and_a_gone_receiver_pauses(
    world: World,
) -> None:
    async with receiving() as receiver:
        sharing = await pushed(world, receiver, endpoint={"max_records": 1})
        receiver.status = 422
        await sharing.publisher.publish(sharing.resource, rows(0, 2))
        await eventually(lambda: _waits(sharing))
        (told,) = await deliveries(sharing, "waiting")
        receiver.status = 410
        skip, head = path(sharing, "deliveries", told["id"], "skip"), sharing.consumer.head
        problem(await head.post(skip, {}), 422, "validation_failed")
        skipped = await head.ask("POST", skip, {"reason": "无法接收"})
        assert (skipped["status"], skipped["skip_reason"]) == ("skipped", "无法接收")
        problem(await head.post(skip, {"reason": "再次"}), 409, "illegal_transition")

        await eventually(lambda: _has_status(sharing, "paused"))
        shown = await head.ask("GET", path(sharing, "endpoint"))
        assert (shown["paused_by"], shown["reason"]) == ("platform", "gone")
        assert await awaited(sharing) == ["subscription.test-endpoint"]
        receiver.status = 200
        tested = await head.ask("POST", path(sharing, "endpoint", "test"))
        assert tested["endpoint"]["status"] == "active"
        (waiting,) = await deliveries(sharing, "waiting")
        await head.ask("POST", path(sharing, "deliveries", waiting["id"], "retry"))
        await eventually(lambda: keys(receiver) == ["k00001"])


async def awaited(sharing: Sharing) -> list[str]:
    """Return what waits for the consumer's head in its subscription."""
    told = await sharing.consumer.head.ask("GET", "/v1/me/tasks")
    return [each["kind"] for each in told["items"] if each["thing"] == sharing.subscription]


async def _has_status(sharing: Sharing, status: str) -> bool:
    shown = await sharing.consumer.head.ask("GET", path(sharing, "endpoint"))
    return bool(shown["status"] == status)


async def test_a_suspended_subscription_is_pushed_to_nobody(world: World) -> None:
    async with receiving() as receiver:
        sharing = await pushed(world, receiver)
        suspension = {"reason": "测试", "remedy_by": "2098-01-01"}
        provider = sharing.provider.head
        await provider.ask("POST", path(sharing, "suspend"), suspension)
        await sharing.publisher.publish(sharing.resource, rows(0, 2))

        async def has_stopped() -> bool:
            told = await provider.ask("GET", path(sharing))
            return told["stopped"]["last_byte_ms"] is not None

        await eventually(has_stopped)
        assert receiver.messages == []
        assert await deliveries(sharing) == []
        await provider.ask("POST", path(sharing, "resume"))
        await eventually(lambda: keys(receiver) == ["k00000", "k00001"])


async def test_what_a_dead_worker_had_under_way_is_sent_again_under_its_id(
    world: World, database: Database
) -> None:
    """The lease of a process that is gone ends; the batch that it had written down goes on.

    Its clock had been ten years ahead: nobody else waits until then.
    """
    async with receiving() as receiver:
        sharing = await pushed(world, receiver)
        receiver.status = 500
        await sharing.publisher.publish(sharing.resource, rows(0, 3))
        await eventually(lambda: _waits(sharing))
        async with database.transaction() as session:
            lease = text(
                "UPDATE exchange.push_endpoint SET holder = 'dead',"
                " leased_until = clock_timestamp() + interval '2 seconds' WHERE id = :id"
            )
            await session.execute(lease.bindparams(id=sharing.subscription))
            for table, ready in (
                (
                    "push_lane",
                    "next_attempt_at = now() + interval '10 years' WHERE subscription_id = :id",
                ),
                ("push_delivery", "status = 'sending' WHERE subscription_id = :id"),
            ):
                told = text(f"UPDATE exchange.{table} SET {ready}")  # noqa: S608 - of this test
                await session.execute(told.bindparams(id=sharing.subscription))
        receiver.status = 200
        await eventually(lambda: len(receiver.records) == 3)
        assert {each for each, _ in receiver.messages} == set(receiver.refused)
        await eventually(lambda: _all_delivered(sharing, 1))


async def test_a_record_that_does_not_fit_is_told_of_and_pulled(world: World) -> None:
    items = [{"name": "id", "key": True}, {"name": "name", "max_length": 9000}]
    async with receiving() as receiver:
        sharing = await pushed(world, receiver, items=items, endpoint={"max_bytes": 4096})
        records = [{"id": "a", "name": "x"}, {"id": "b", "name": "x" * 8000}, {"id": "c"}]
        await sharing.publisher.publish(sharing.resource, records)
        await eventually(lambda: len(receiver.messages) == 3)
        kinds = [body["type"] for _, body in receiver.messages]
        assert kinds == ["records.delivered", "records.available", "records.delivered"]
        cursor = receiver.messages[1][1]["cursor"]
        pulled = await sharing.subscriber.pull(sharing.subscription, cursor, limit=1)
        assert pulled.records[0]["data"] == records[1]


async def test_a_quota_rests_the_push_and_a_retry_is_not_charged_again(world: World) -> None:
    async with receiving() as receiver:
        sharing = await pushed(world, receiver, records_per_day=5, endpoint={"max_records": 3})
        receiver.status = 500
        await sharing.publisher.publish(sharing.resource, rows(0, 9))
        await eventually(lambda: len(receiver.refused) > 1)
        receiver.status = 200
        await eventually(lambda: len(receiver.records) == 5)
        await eventually(lambda: _all_delivered(sharing, 2))
        told = await sharing.consumer.head.ask("GET", path(sharing))
        assert told["used_today"] == 5
        assert keys(receiver) == [f"k{n:05}" for n in range(5)]


async def test_an_endpoint_is_set_tested_rotated_paused_and_resumed_by_its_head(
    world: World,
) -> None:
    async with receiving() as receiver:
        sharing = await world.sharing(mode="push")
        head, endpoint = sharing.consumer.head, path(sharing, "endpoint")
        wanted = {"url": receiver.url}
        problem(await head.get(endpoint), 404, "not_found")
        outside = await head.put(endpoint, wanted)
        assert [each["code"] for each in outside.json()["errors"]] == ["out_of_range"]
        await allow_loopback(world, sharing.consumer)
        for wrong in ("ftp://a.example/", "http://u:p@127.0.0.1/", "127.0.0.1"):
            refused = await head.put(endpoint, {"url": wrong})
            assert [each["code"] for each in refused.json()["errors"]] == ["pattern"], wrong
        own = await head.put(endpoint, {"url": world.base_url})
        assert [each["code"] for each in own.json()["errors"]] == ["out_of_range"]
        problem(await sharing.consumer.clerk.put(endpoint, wanted), 403, "role_required")

        made = await head.put(endpoint, wanted)
        secret = made.json()["secret"]
        assert (made.status_code, made.json()["status"]) == (200, "untested")
        assert (await head.ask("GET", endpoint))["secret"] is None
        problem(await head.put(endpoint, wanted), 428, "precondition_required")
        receiver.answers_challenges = False
        failed = await head.ask("POST", f"{endpoint}/test")
        assert (failed["passed"], failed["failure"]) == (False, "challenge_not_answered")
        problem(await head.post(f"{endpoint}/pause"), 409, "illegal_transition")
        receiver.answers_challenges = True
        assert (await head.ask("POST", f"{endpoint}/test"))["endpoint"]["status"] == "active"

        rotated = await head.ask("POST", f"{endpoint}/rotate", {"overlap_hours": 1})
        assert rotated["secret"] not in (None, secret)
        receiver.secrets = [secret, rotated["secret"]]
        await sharing.publisher.publish(sharing.resource, rows(0, 1))
        await eventually(lambda: len(receiver.records) == 1)
        assert (await head.ask("POST", f"{endpoint}/pause"))["paused_by"] == "head"
        tested = await head.ask("POST", f"{endpoint}/test")
        assert tested["endpoint"]["status"] == "paused"
        assert (await head.ask("POST", f"{endpoint}/resume"))["status"] == "active"

        tag = (await head.get(endpoint)).headers["ETag"]
        moved = await head.put(
            endpoint, {"url": receiver.url + "/other"}, headers={"If-Match": tag}
        )
        assert (moved.json()["status"], moved.json()["secret"]) == ("untested", None)


async def test_a_receiver_may_verify_by_a_public_key_and_a_rotation_leads_there_and_back(
    world: World,
) -> None:
    """`v1a`: who can verify a push cannot make one."""
    async with receiving() as receiver:
        sharing = await world.sharing(mode="push")
        head, endpoint = sharing.consumer.head, path(sharing, "endpoint")
        await allow_loopback(world, sharing.consumer)
        made = await head.ask("PUT", endpoint, {"url": receiver.url, "signature": "v1a"})
        assert (made["signature"], made["secret"]) == ("v1a", None)
        assert (await head.ask("POST", f"{endpoint}/test"))["passed"]
        tag = (await head.get(endpoint)).headers["ETag"]
        other = {"url": receiver.url, "signature": "v1"}
        refused = await head.put(endpoint, other, headers={"If-Match": tag})
        assert [each["code"] for each in refused.json()["errors"]] == ["fixed"]

        rotated = await head.ask("POST", f"{endpoint}/rotate", {"overlap_hours": 1})
        assert rotated["previous_public_key"] == made["public_key"] != rotated["public_key"]
        await sharing.publisher.publish(sharing.resource, rows(0, 1))
        await eventually(lambda: len(receiver.accepted) == 1)
        said, body = receiver.accepted[0]
        for key in (made["public_key"], rotated["public_key"]):
            assert WebhookVerifier(key).verify(said, body) == said["webhook-id"]

        back = {"overlap_hours": 1, "signature": "v1"}
        secret = (await head.ask("POST", f"{endpoint}/rotate", back))["secret"]
        receiver.secrets = [secret]
        await sharing.publisher.publish(sharing.resource, rows(1, 2))
        await eventually(lambda: len(receiver.accepted) == 2)
        said, body = receiver.accepted[1]
        assert WebhookVerifier(rotated["public_key"]).verify(said, body)
        assert (await head.ask("GET", endpoint))["public_key"] is None


async def test_only_a_grant_of_push_has_an_endpoint(world: World) -> None:
    sharing = await world.sharing()
    await allow_loopback(world, sharing.consumer)
    wanted = {"url": "http://127.0.0.1:9/"}
    answer = await sharing.consumer.head.put(path(sharing, "endpoint"), wanted)
    problem(answer, 403, "mode_not_granted")


async def test_after_a_gap_of_the_log_nothing_is_pushed_until_its_head_has_said_so(
    world: World, database: Database
) -> None:
    """The log was made anew, or retention was faster: nobody misses records unknowingly."""
    async with receiving() as receiver:
        sharing = await pushed(world, receiver)
        await sharing.publisher.publish(sharing.resource, rows(0, 2))
        await eventually(lambda: _all_delivered(sharing, 1))
        head, endpoint = sharing.consumer.head, path(sharing, "endpoint")
        await head.ask("POST", f"{endpoint}/pause")
        async with database.transaction() as session:
            other = text(
                "UPDATE exchange.push_lane SET topic_id = :other WHERE subscription_id = :id"
            )
            await session.execute(other.bindparams(other=bytes(8), id=sharing.subscription))
        await head.ask("POST", f"{endpoint}/resume")
        await eventually(lambda: _has_status(sharing, "stopped"))
        assert (await head.ask("GET", endpoint))["reason"] == "cursor_expired"
        assert await awaited(sharing) == ["subscription.resume-endpoint"]
        problem(await head.post(f"{endpoint}/resume"), 422, "validation_failed")
        await head.ask("POST", f"{endpoint}/resume", {"past_gap": True})
        await sharing.publisher.publish(sharing.resource, rows(2, 3))
        await eventually(lambda: {*keys(receiver)} == {"k00000", "k00001", "k00002"})
        # Events are told in their order, once whatever was begun before them has ended.
        await eventually(lambda: _stopped(sharing))


async def _stopped(sharing: Sharing) -> bool:
    events = await sharing.consumer.head.ask("GET", "/v1/events?types=endpoint.stopped")
    return [each["thing"] for each in events["items"]] == [sharing.subscription]


async def test_a_key_is_pushed_in_order_whatever_partition_it_is_in(world: World) -> None:
    async with receiving() as receiver:
        fields: Json = {"max_records": 2, "format": "webhook"}
        sharing = await pushed(world, receiver, partitions=3, endpoint=fields)
        for amount in range(4):
            changed = [{"id": f"k{n}", "name": "某", "amount": amount} for n in range(6)]
            await sharing.publisher.publish(sharing.resource, changed)
        await eventually(lambda: len(receiver.records) == 24)
        for n in range(6):
            mine = [each for each in receiver.records if each["key"] == f"k{n}"]
            assert [each["data"]["amount"] for each in mine] == [0, 1, 2, 3]


async def test_a_host_that_fails_is_left_alone_and_tested_by_one_worker(
    database: Database,
) -> None:
    host, one, other = f"{new_id()}.example", Hosts(database), Hosts(database)
    for _ in range(OPENS_AFTER - 1):
        await one.failed(host)
    assert one.seconds_alone(host) is None
    await one.failed(host)
    await other.look()
    assert (one.seconds_alone(host) or 0) > 0
    assert (other.seconds_alone(host) or 0) > 0
    assert not await one.begin_trial(host)
    async with database.transaction() as session:
        over = text("UPDATE exchange.push_host SET open_until = now() WHERE host = :host")
        await session.execute(over.bindparams(host=host))
    assert [await each.begin_trial(host) for each in (one, other)] == [True, False]
    await one.works(host)
    await other.look()
    assert other.seconds_alone(host) is None


async def test_a_batch_that_is_made_smaller_leaves_no_delivery_behind(world: World) -> None:
    async with receiving() as receiver:
        sharing = await pushed(world, receiver)
        receiver.status = 413
        await sharing.publisher.publish(sharing.resource, rows(0, 4))
        await eventually(lambda: _waits(sharing))
        (whole,) = await deliveries(sharing)
        head, endpoint = sharing.consumer.head, path(sharing, "endpoint")
        tag = (await head.get(endpoint)).headers["ETag"]
        smaller = {"url": receiver.url, "max_records": 2}
        changed = await head.put(endpoint, smaller, headers={"If-Match": tag})
        assert changed.json()["status"] == "active"
        receiver.status = 200
        await head.ask("POST", path(sharing, "deliveries", whole["id"], "retry"))
        await eventually(lambda: _all_delivered(sharing, 2))
        assert whole["id"] not in {each["id"] for each in await deliveries(sharing)}
        assert keys(receiver) == [f"k{n:05}" for n in range(4)]
