"""Publish over HTTP, on the real log (P2, P4, P5)."""

import asyncio
import hashlib
import json
import zlib
from typing import Any

import pytest

from tests.support.callers import ndjson
from tests.support.eventually import eventually
from tests.support.world import Sharing, World


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    return await world.sharing()


def records(*ids: str) -> list[dict[str, Any]]:
    return [{"id": id_, "name": f"名称{id_}", "amount": 1} for id_ in ids]


async def ends(sharing: Sharing) -> int:
    """How many records the subscription sees in all."""
    return len((await sharing.subscriber.pull_all(sharing.subscription)).records)


async def test_a_receipt_tells_positions_that_are_facts_of_the_log(sharing: Sharing) -> None:
    first = await sharing.publisher.publish(sharing.resource, records("r1", "r2"))
    second = await sharing.publisher.publish(sharing.resource, records("r3"))
    assert (first["accepted"], first["rejected"], first["errors"]) == (2, 0, [])
    [one], [two] = first["positions"], second["positions"]
    assert one["last_offset"] - one["first_offset"] == 1
    assert two["first_offset"] > one["last_offset"]
    assert (first["version"], first["resource_id"]) == (1, sharing.resource)
    assert first["digest"] == hashlib.sha256(ndjson(records("r1", "r2"))).hexdigest()


async def test_a_receipt_is_read_again_by_the_publishers_department_only(
    sharing: Sharing,
) -> None:
    receipt = await sharing.publisher.publish(sharing.resource, records("again"))
    path = f"/v1/receipts/{receipt['receipt_id']}"
    assert (await sharing.publisher.ask("GET", path)) == receipt
    assert (await sharing.provider.clerk.ask("GET", path)) == receipt
    assert (await sharing.subscriber.get(path)).status_code == 404


async def test_json_objects_and_arrays_are_records_too(sharing: Sharing) -> None:
    path = f"/v1/resources/{sharing.resource}/records"
    one = await sharing.publisher.post(path, records("j1")[0])
    many = await sharing.publisher.send(
        "POST",
        path,
        content=json.dumps(records("j2", "j3"), indent=2).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert (one.json()["accepted"], many.json()["accepted"]) == (1, 2)
    shown = (await sharing.subscriber.pull_all(sharing.subscription)).records
    assert {"j1", "j2", "j3"} <= {record["key"] for record in shown}


@pytest.mark.parametrize(
    ("body", "status", "code", "inner"),
    [
        (b"", 422, "empty_body", None),
        (b"\n", 422, "empty_body", None),
        (b'{"id":"a","name":"x"}\n\n{"id":"b","name":"y"}', 422, "validation_failed", "empty_line"),
        (b'{"id":"a"}', 422, "validation_failed", "missing"),
        (b'{"id":"a","name":"x","more":1}', 422, "validation_failed", "unknown_item"),
        (b'{"id":"a","name":5}', 422, "validation_failed", "wrong_type"),
        (b'{"id":"a","name":null}', 422, "validation_failed", "null_not_allowed"),
        (b'{"id":"%s","name":"x"}' % (b"a" * 65), 422, "validation_failed", "too_long"),
        (
            b'{"id":"a","name":"x"}\n{"id":"a","name":"y"}',
            422,
            "validation_failed",
            "duplicate_key",
        ),
        (b'{"id":"a","name":"x","amount":1.5}', 422, "validation_failed", "wrong_type"),
        (b'{"id":"a","name":{"deep":[]}}', 422, "validation_failed", None),
        (b'{"id":"a","name":"\\u0000"}', 422, "validation_failed", None),
        (b'{"id":"a","name":"\\ud800"}', 422, "validation_failed", None),
        (b'{"id":"a","name":"x","name":"y"}', 422, "validation_failed", None),
        (b"not json", 400, "malformed_json", "malformed_json"),
        (b"[" * 100_000, 422, "validation_failed", "too_deep"),
        (b'{"id":"a","name":"\xff"}', 400, "invalid_utf8", None),
        (b'{"id":"a","name":"' + b"x" * 1_100_000 + b'"}', 422, "line_too_long", None),
        (b'{"id":"a","name":"' + b"x" * 9_000_000 + b'"}', 413, "body_too_large", None),
    ],
)
async def test_a_bad_body_is_refused_and_stores_nothing(
    sharing: Sharing, body: bytes, status: int, code: str, inner: str | None
) -> None:
    before = await ends(sharing)
    answer = await sharing.publisher.try_publish(sharing.resource, body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if inner is not None:
        assert inner in {error["code"] for error in problem["errors"]}, problem
    assert await ends(sharing) == before


async def test_too_many_records_are_refused(sharing: Sharing) -> None:
    body = b"\n".join(b'{"id":"%d","name":"x"}' % n for n in range(10_001))
    answer = await sharing.publisher.try_publish(sharing.resource, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_records")


async def test_one_bad_record_refuses_the_batch_and_is_named(sharing: Sharing) -> None:
    before = await ends(sharing)
    body = ndjson(records("ok1", "ok2")) + b'\n{"id":"bad"}'
    problem = (await sharing.publisher.try_publish(sharing.resource, body)).json()
    assert problem["error_count"] == 1
    [error] = problem["errors"]
    assert (error["index"], error["path"], error["code"]) == (2, "name", "missing")
    assert await ends(sharing) == before


async def test_refusals_speak_english_to_who_asks_for_it(sharing: Sharing) -> None:
    path = f"/v1/resources/{sharing.resource}/records"
    headers = {"Content-Type": "text/plain", "Accept-Language": "en"}
    answer = await sharing.publisher.send("POST", path, content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.json()["detail"].isascii()


@pytest.mark.parametrize(
    ("params", "headers"),
    [
        ({"op": "merge"}, {}),
        ({"on_invalid": "ignore"}, {}),
        ({"more": "1"}, {}),
        ({}, {"Exchange-Resource-Version": "x"}),
        ({}, {"Idempotency-Key": "x" * 129}),
    ],
)
async def test_bad_parameters_are_refused(
    sharing: Sharing, params: dict[str, str], headers: dict[str, str]
) -> None:
    answer = await sharing.publisher.send(
        "POST",
        f"/v1/resources/{sharing.resource}/records",
        content=ndjson(records("p")),
        params=params,
        headers={"Content-Type": "application/x-ndjson", **headers},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")


async def test_naming_another_version_is_refused(sharing: Sharing) -> None:
    answer = await sharing.publisher.send(
        "POST",
        f"/v1/resources/{sharing.resource}/records",
        content=ndjson(records("v")),
        headers={"Content-Type": "application/x-ndjson", "Exchange-Resource-Version": "7"},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "version_superseded")


async def test_another_departments_system_may_not_publish(sharing: Sharing) -> None:
    answer = await sharing.subscriber.try_publish(sharing.resource, records("x"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_department")


async def test_a_draft_takes_no_records(world: World, sharing: Sharing) -> None:
    draft = await world.resource(sharing.provider, publish=False)
    answer = await sharing.publisher.try_publish(draft, records("x"))
    assert (answer.status_code, answer.json()["code"]) == (409, "resource_not_published")
    # Whoever may not know of the draft is told what a stranger to any resource is told.
    stranger = await sharing.subscriber.try_publish(draft, records("x"))
    missing = await sharing.subscriber.try_publish("0" * 32, records("x"))
    assert (stranger.status_code, missing.status_code) == (404, 404)


async def test_the_same_key_and_body_give_the_first_answer_again(sharing: Sharing) -> None:
    before = await ends(sharing)
    first = await sharing.publisher.try_publish(sharing.resource, records("k1"), key="key-1")
    again = await sharing.publisher.try_publish(sharing.resource, records("k1"), key="key-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json() == again.json()
    assert await ends(sharing) == before + 1


async def test_the_same_key_with_another_body_or_operation_is_refused(sharing: Sharing) -> None:
    await sharing.publisher.publish(sharing.resource, records("k2"), key="key-2")
    other = await sharing.publisher.try_publish(sharing.resource, records("k3"), key="key-2")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    deletion = await sharing.publisher.try_publish(
        sharing.resource, [{"id": "k2"}], key="key-2", op="delete"
    )
    assert deletion.json()["code"] == "idempotency_key_reused"


async def test_forty_tries_at_once_on_two_workers_store_one_copy(sharing: Sharing) -> None:
    before = await ends(sharing)
    body = records(*(f"race{n}" for n in range(20)))
    answers = await asyncio.gather(
        *(sharing.publisher.try_publish(sharing.resource, body, key="race") for _ in range(40))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["receipt_id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await ends(sharing) == before + 20


async def test_a_key_belongs_to_its_client(world: World, sharing: Sharing) -> None:
    other = await world.client(sharing.provider)
    await sharing.publisher.publish(sharing.resource, records("c1"), key="shared-name")
    answer = await other.try_publish(sharing.resource, records("c2"), key="shared-name")
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


async def test_a_refused_try_does_not_use_its_key_up(sharing: Sharing) -> None:
    refused = await sharing.publisher.try_publish(sharing.resource, b'{"id":"x"}', key="once-bad")
    assert refused.status_code == 422
    good = await sharing.publisher.try_publish(sharing.resource, records("x"), key="once-bad")
    assert good.status_code == 201


async def all_shown(sharing: Sharing, count: int) -> list[dict[str, Any]]:
    """Return what is shown once it is as much as that.

    A transaction is decided when it is acknowledged, and seen in each partition a moment later.
    """
    records: list[dict[str, Any]] = []

    async def enough() -> bool:
        records[:] = (await sharing.subscriber.pull_all(sharing.subscription)).records
        return len(records) >= count

    await eventually(enough)
    return records


async def test_keys_choose_their_partition_by_crc32(world: World) -> None:
    sharing = await world.sharing(partitions=4)
    body = records(*(f"p{n}" for n in range(50)))
    receipt = await sharing.publisher.publish(sharing.resource, body)
    counts = {
        p["partition"]: p["last_offset"] - p["first_offset"] + 1 for p in receipt["positions"]
    }
    expected: dict[int, int] = {}
    for record in body:
        partition = zlib.crc32(record["id"].encode()) % 4
        expected[partition] = expected.get(partition, 0) + 1
    assert counts == expected
    shown = await all_shown(sharing, len(body))
    assert sorted(r["key"] for r in shown) == sorted(r["id"] for r in body)


async def test_a_keyed_batch_over_several_partitions_is_stored_once(world: World) -> None:
    sharing = await world.sharing(partitions=3)
    body = records(*(f"s{n}" for n in range(30)))
    answers = await asyncio.gather(
        *(sharing.publisher.try_publish(sharing.resource, body, key="span") for _ in range(10))
    )
    assert len({answer.json()["receipt_id"] for answer in answers}) == 1
    assert len(await all_shown(sharing, 30)) == 30
