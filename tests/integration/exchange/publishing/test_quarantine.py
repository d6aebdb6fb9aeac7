"""Quarantine: valid records are accepted, the others kept for their provider (P2, P4, P5)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from kernel.database import Database
from tests.support import processes
from tests.support.callers import NDJSON, Caller, ClientApp, ndjson, told
from tests.support.problems import problem
from tests.support.world import Sharing, World

Json = dict[str, Any]
QUARANTINE = {"on_invalid": "quarantine"}


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    return await world.sharing()


def good(*ids: str) -> list[Json]:
    return [{"id": id_, "name": f"名称{id_}", "amount": 1} for id_ in ids]


def mixed(prefix: str) -> bytes:
    """Three valid records at 0, 2 and 4, two invalid ones between them."""
    lines = ndjson(good(*(f"{prefix}{n}" for n in range(3)))).split(b"\n")
    bad = (f'{{"id":"{prefix}-1"}}'.encode(), f'{{"id":"{prefix}-2","name":5}}'.encode())
    return b"\n".join([lines[0], bad[0], lines[1], bad[1], lines[2]])


def place(sharing: Sharing) -> str:
    return f"/v1/resources/{sharing.resource}/quarantine"


async def kept(who: Caller, sharing: Sharing, **params: str) -> list[Json]:
    """Read every record in quarantine, page by page."""
    items: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        page = await who.ask("GET", place(sharing), params={**params, **cursor})
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


async def of(receipt: Json, sharing: Sharing) -> list[Json]:
    return await kept(sharing.provider.clerk, sharing, receipt_id=receipt["receipt_id"])


async def in_the_log(sharing: Sharing) -> list[str]:
    shown = await sharing.subscriber.pull_all(sharing.subscription)
    return [record["key"] for record in shown.records]


async def test_valid_records_are_accepted_and_the_rest_is_listed(sharing: Sharing) -> None:
    body = mixed("a")
    refused = (await sharing.publisher.try_publish(sharing.resource, body)).json()
    receipt = await sharing.publisher.publish(sharing.resource, body, **QUARANTINE)
    assert (receipt["accepted"], receipt["rejected"], receipt["error_count"]) == (3, 2, 2)
    assert receipt["errors"] == refused["errors"]
    assert [error["index"] for error in receipt["errors"]] == [1, 3]
    [run] = receipt["positions"]
    assert run["last_offset"] - run["first_offset"] == 2
    assert (await in_the_log(sharing))[-3:] == ["a0", "a1", "a2"]
    first, second = await of(receipt, sharing)
    assert (first["index"], first["record"], first["op"]) == (1, {"id": "a-1"}, "upsert")
    assert (second["index"], second["record"]) == (3, {"id": "a-2", "name": 5})
    assert [first["errors"], second["errors"]] == [[each] for each in receipt["errors"]]
    assert first["receipt_id"] == receipt["receipt_id"]
    assert first["client_id"] == sharing.publisher.id
    assert first["received_at"].endswith("+00:00")


async def test_a_batch_without_fault_leaves_nothing_behind(sharing: Sharing) -> None:
    receipt = await sharing.publisher.publish(sharing.resource, good("clean"), **QUARANTINE)
    assert (receipt["accepted"], receipt["rejected"], receipt["errors"]) == (1, 0, [])
    assert await of(receipt, sharing) == []


async def test_a_receipt_says_the_same_again(sharing: Sharing) -> None:
    receipt = await sharing.publisher.publish(sharing.resource, mixed("b"), **QUARANTINE)
    path = f"/v1/receipts/{receipt['receipt_id']}"
    assert (await sharing.publisher.ask("GET", path)) == receipt
    assert (await sharing.subscriber.get(path)).status_code == 404


async def test_errors_speak_the_language_of_whoever_asks(sharing: Sharing) -> None:
    english = {"Accept-Language": "en"}
    answer = await sharing.publisher.send(
        "POST",
        f"/v1/resources/{sharing.resource}/records",
        content=mixed("en"),
        params=QUARANTINE,
        headers={"Content-Type": NDJSON, **english},
    )
    receipt = told(answer)
    assert all(error["message"].isascii() for error in receipt["errors"])
    listed = await of(receipt, sharing)
    assert not any(entry["errors"][0]["message"].isascii() for entry in listed)
    page = await sharing.publisher.ask("GET", place(sharing), headers=english)
    assert all(entry["errors"][0]["message"].isascii() for entry in page["items"])
    again = await sharing.publisher.ask(
        "GET", f"/v1/receipts/{receipt['receipt_id']}", headers=english
    )
    assert again == receipt


async def test_whatever_a_line_holds_is_kept_as_it_came(sharing: Sharing) -> None:
    lines = {
        "not json": "not json",
        '{"id":"x","name":"\\u0000"}': {"id": "x", "name": "\x00"},
        '{"id":"x","name":"\x00"}': '{"id":"x","name":"\x00"}',
        '{"id":"中文","name":1.10, "多余":null}': {"id": "中文", "name": 1.1, "多余": None},
        '{"id":"x","name":"\\ud800"}': '{"id":"x","name":"\\ud800"}',
        '{"id":"x","amount":' + "9" * 5000 + "}": '{"id":"x","amount":' + "9" * 5000 + "}",
        "[" * 500: "[" * 500,
        '"a text"': "a text",
        "NaN": "NaN",
        "": "",
        " \t": " \t",
        '{"id":1}': {"id": 1},
    }
    body = "\n".join([*lines, json.dumps(good("last")[0])]).encode()
    receipt = await sharing.publisher.publish(sharing.resource, body, **QUARANTINE)
    assert (receipt["accepted"], receipt["rejected"]) == (1, len(lines))
    codes = {error["index"]: error["code"] for error in receipt["errors"]}
    assert (codes[0], codes[9], codes[6]) == ("malformed_json", "empty_line", "too_deep")
    listed = await of(receipt, sharing)
    assert [entry["record"] for entry in listed] == list(lines.values())
    raw = (await sharing.provider.clerk.get(place(sharing), params={"limit": 200})).content
    assert '{"id":"中文","name":1.10, "多余":null}'.encode() in raw


async def test_a_json_array_is_split_too(sharing: Sharing) -> None:
    body = [*good("j1"), {"id": "j2"}, 7, *good("j3")]
    answer = await sharing.publisher.post(
        f"/v1/resources/{sharing.resource}/records", body, params=QUARANTINE
    )
    receipt = told(answer)
    assert (receipt["accepted"], receipt["rejected"]) == (2, 2)
    assert [entry["record"] for entry in await of(receipt, sharing)] == [{"id": "j2"}, 7]


async def test_deletes_with_invalid_keys_are_kept_as_deletes(sharing: Sharing) -> None:
    await sharing.publisher.publish(sharing.resource, good("d1"))
    body = b'{"id":"d1"}\n{"id":5}\n{"id":"d2","name":"x"}'
    receipt = await sharing.publisher.publish(sharing.resource, body, op="delete", **QUARANTINE)
    assert (receipt["accepted"], receipt["rejected"]) == (1, 2)
    assert {entry["op"] for entry in await of(receipt, sharing)} == {"delete"}
    shown = await sharing.subscriber.pull_all(sharing.subscription)
    assert shown.records[-1] == {"op": "delete", "key": "d1"}


async def test_the_first_record_of_a_key_stands_for_itself(sharing: Sharing) -> None:
    first, second = {"id": "twice", "name": "一"}, {"id": "twice", "name": "二"}
    receipt = await sharing.publisher.publish(sharing.resource, [first, second], **QUARANTINE)
    assert receipt["accepted"] == 1
    [entry] = await of(receipt, sharing)
    assert (entry["index"], entry["record"]) == (1, second)
    assert entry["errors"][0]["code"] == "duplicate_key"
    wrong = {"id": "other", "name": 5}
    both = await sharing.publisher.publish(
        sharing.resource, [wrong, {**second, "id": "other"}], **QUARANTINE
    )
    assert (both["accepted"], both["rejected"]) == (0, 2)


async def test_a_batch_without_a_valid_record_has_a_receipt_and_no_place(sharing: Sharing) -> None:
    before = await in_the_log(sharing)
    body = b'{"id":"n1"}\n{"id":"n2"}'
    first = await sharing.publisher.try_publish(sharing.resource, body, key="none", **QUARANTINE)
    again = await sharing.publisher.try_publish(sharing.resource, body, key="none", **QUARANTINE)
    receipt = told(first)
    assert (receipt["accepted"], receipt["rejected"], receipt["positions"]) == (0, 2, [])
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == receipt
    assert len(await of(receipt, sharing)) == 2
    assert await in_the_log(sharing) == before
    unkeyed = await sharing.publisher.publish(sharing.resource, body, **QUARANTINE)
    assert unkeyed["receipt_id"] != receipt["receipt_id"]


async def test_ten_thousand_invalid_records_are_counted_and_kept(world: World) -> None:
    sharing = await world.sharing()
    body = b"\n".join(b'{"id":"%d","more":1}' % n for n in range(10_000))
    receipt = await sharing.publisher.publish(sharing.resource, body, **QUARANTINE)
    assert (receipt["accepted"], receipt["rejected"]) == (0, 10_000)
    assert receipt["error_count"] == 20_000
    assert len(receipt["errors"]) == 100
    listed = await kept(sharing.provider.clerk, sharing, limit="200")
    assert [entry["index"] for entry in listed] == list(range(10_000))


async def test_pages_of_large_records_end_early_and_go_on(world: World) -> None:
    sharing = await world.sharing()
    line = b'{"id":"%d","name":"' + b"x" * 1_000_000 + b'"}'
    for turn in range(2):
        body = b"\n".join(line % (turn * 6 + n) for n in range(6))
        await sharing.publisher.publish(sharing.resource, body, **QUARANTINE)
    page = await sharing.provider.clerk.ask("GET", place(sharing))
    assert 1 <= len(page["items"]) < 12
    listed = await kept(sharing.provider.clerk, sharing)
    assert [entry["record"]["id"] for entry in listed] == [str(n) for n in range(12)]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "empty_body"),
        (b'{"id":"a","name":"\xff"}\n{"id":"b"}', 400, "invalid_utf8"),
        (b'{"id":"a","name":"' + b"x" * 8_000_000 + b'"}', 422, "line_too_long"),
        (b"\n".join(b'{"id":"%d"}' % n for n in range(10_001)), 422, "too_many_records"),
    ],
)
async def test_what_cannot_be_split_is_refused_whole(
    sharing: Sharing, body: bytes, status: int, code: str
) -> None:
    before = await kept(sharing.provider.clerk, sharing)
    answer = await sharing.publisher.try_publish(sharing.resource, body, **QUARANTINE)
    problem(answer, status, code)
    assert await kept(sharing.provider.clerk, sharing) == before


async def test_a_version_that_is_not_in_force_is_refused_whole(sharing: Sharing) -> None:
    answer = await sharing.publisher.send(
        "POST",
        f"/v1/resources/{sharing.resource}/records",
        content=mixed("v"),
        params=QUARANTINE,
        headers={"Content-Type": NDJSON, "Exchange-Resource-Version": "9"},
    )
    problem(answer, 409, "version_superseded")


async def test_the_same_key_and_body_give_the_same_errors_on_every_worker(
    world: World,
) -> None:
    sharing = await world.sharing()
    body = mixed("k")
    answers = await asyncio.gather(
        *(
            sharing.publisher.try_publish(sharing.resource, body, key="same", **QUARANTINE)
            for _ in range(30)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.headers["exchange-worker"] for answer in answers}) == 2
    receipt = answers[0].json()
    assert all(answer.json() == receipt for answer in answers)
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await in_the_log(sharing) == ["k0", "k1", "k2"]
    assert len(await kept(sharing.provider.clerk, sharing)) == 2


async def test_how_invalid_records_are_treated_belongs_to_the_key(sharing: Sharing) -> None:
    body = good("kk")
    await sharing.publisher.publish(sharing.resource, body, key="mode")
    other = await sharing.publisher.try_publish(sharing.resource, body, key="mode", **QUARANTINE)
    problem(other, 422, "idempotency_key_reused")
    await sharing.publisher.publish(sharing.resource, mixed("kq"), key="mode-2", **QUARANTINE)
    strict = await sharing.publisher.try_publish(sharing.resource, good("x"), key="mode-2")
    problem(strict, 422, "idempotency_key_reused")


async def test_a_batch_over_several_partitions_is_split_and_stored_once(world: World) -> None:
    sharing = await world.sharing(partitions=3)
    body = ndjson(good(*(f"m{n}" for n in range(20)))) + b'\n{"id":"bad"}'
    answers = await asyncio.gather(
        *(
            sharing.publisher.try_publish(sharing.resource, body, key="span", **QUARANTINE)
            for _ in range(6)
        )
    )
    assert len({answer.text for answer in answers}) == 1
    receipt = told(answers[0])
    assert (receipt["accepted"], receipt["rejected"]) == (20, 1)
    assert len(receipt["positions"]) == 3
    assert len(await in_the_log(sharing)) == 20
    assert len(await of(receipt, sharing)) == 1


async def test_only_the_department_and_only_the_right_people_see_it(
    world: World, sharing: Sharing
) -> None:
    await sharing.publisher.publish(sharing.resource, mixed("w"), **QUARANTINE)
    path, provider = place(sharing), sharing.provider
    for who in (provider.clerk, provider.head, sharing.publisher):
        assert (await who.ask("GET", path))["items"]
    for stranger in (sharing.subscriber, sharing.consumer.clerk, world.clerk, world.auditor):
        problem(await stranger.get(path), 404, "not_found")
        problem(await stranger.post(f"{path}/resolve", {"entries": ["0-0"]}), 404, "not_found")
        problem(await stranger.send("DELETE", f"{path}/0-0"), 404, "not_found")
    problem(await provider.authority.get(path), 403, "role_required")
    reader = await world.client(provider, ["records:read"])
    problem(await reader.get(path), 403, "insufficient_scope")
    narrow = world.person(
        {"username": provider.clerk.username, "password": provider.clerk.password},
        "catalog:read",
    )
    assert (await narrow.ask("GET", path))["items"]
    refused = await narrow.post(f"{path}/resolve", {"entries": ["0-0"]})
    problem(refused, 403, "insufficient_scope")


async def test_records_are_listed_by_receipt_and_by_time(world: World) -> None:
    sharing = await world.sharing()
    first = await sharing.publisher.publish(sharing.resource, mixed("t"), **QUARANTINE)
    second = await sharing.publisher.publish(sharing.resource, mixed("u"), **QUARANTINE)
    clerk = sharing.provider.clerk
    one, two = await of(first, sharing), await of(second, sharing)
    assert await kept(clerk, sharing, limit="1") == one + two
    since = two[0]["received_at"]
    assert await kept(clerk, sharing, since=since) == two
    assert await kept(clerk, sharing, until=since) == one
    assert await kept(clerk, sharing, receipt_id="no such receipt") == []
    other = await world.sharing()
    foreign = await other.publisher.publish(other.resource, mixed("f"), **QUARANTINE)
    assert await kept(clerk, sharing, receipt_id=foreign["receipt_id"]) == []
    answer = await clerk.get(place(sharing), params={"since": "2026-01-01T00:00:00"})
    problem(answer, 400, "invalid_parameter")
    problem(await clerk.get(place(sharing), params={"cursor": "AA=="}), 400, "invalid_cursor")


async def events(world: World, sharing: Sharing) -> list[tuple[str, Json]]:
    page = await world.auditor.ask(
        "GET", "/v1/audit", params={"thing": sharing.resource, "limit": 200}
    )
    found = [(each["event"], each["details"]) for each in page["items"]]
    return [(name, details) for name, details in found if name.startswith("quarantine.")]


async def test_corrected_records_are_sent_again_and_resolved(world: World) -> None:
    sharing = await world.sharing()
    receipt = await sharing.publisher.publish(sharing.resource, mixed("c"), **QUARANTINE)
    other = await sharing.publisher.publish(sharing.resource, mixed("e"), **QUARANTINE)
    one, two = await of(receipt, sharing)
    corrected = {**one["record"], "name": "补正"}
    await sharing.publisher.publish(sharing.resource, [corrected])
    clerk, path = sharing.provider.clerk, place(sharing)
    resolved = await clerk.ask("POST", f"{path}/resolve", {"entries": [one["id"], one["id"]]})
    assert resolved == {"resolved": 1}
    assert await of(receipt, sharing) == [two]
    assert (await clerk.send("DELETE", f"{path}/{two['id']}")).status_code == 204
    problem(await clerk.send("DELETE", f"{path}/{two['id']}"), 404, "not_found")
    assert await of(receipt, sharing) == []
    body = {"receipt_id": other["receipt_id"]}
    assert await sharing.publisher.ask("POST", f"{path}/resolve", body) == {"resolved": 2}
    assert await clerk.ask("POST", f"{path}/resolve", body) == {"resolved": 0}
    # What was answered once stays true.
    again = await sharing.publisher.ask("GET", f"/v1/receipts/{receipt['receipt_id']}")
    assert again == receipt
    names = [name for name, _details in await events(world, sharing)]
    assert names.count("quarantine.kept") == 2
    assert names.count("quarantine.resolved") == 3
    assert "quarantine.read" in names


async def test_the_audit_counts_and_never_shows_values(world: World) -> None:
    sharing = await world.sharing()
    body = b'{"id":"secret-value-1"}\n' + ndjson(good("ok"))
    receipt = await sharing.publisher.publish(sharing.resource, body, **QUARANTINE)
    await of(receipt, sharing)
    (kept_, facts), (read, reading) = await events(world, sharing)
    assert (kept_, read) == ("quarantine.kept", "quarantine.read")
    assert (facts["accepted"], facts["rejected"], facts["errors"]) == (1, 1, 1)
    assert reading["records"] == 1
    assert "secret-value" not in json.dumps([facts, reading])


@pytest.mark.parametrize(
    "body", [{}, {"entries": []}, {"entries": ["x"]}, {"entries": ["0-0"], "receipt_id": "r"}]
)
async def test_resolving_names_records_or_a_receipt(sharing: Sharing, body: Json) -> None:
    answer = await sharing.provider.clerk.post(f"{place(sharing)}/resolve", body)
    problem(answer, 422, "validation_failed")


async def test_one_resource_cannot_resolve_anothers_records(world: World) -> None:
    mine = await world.sharing()
    other = await world.sharing()
    receipt = await other.publisher.publish(other.resource, mixed("o"), **QUARANTINE)
    entries = [entry["id"] for entry in await of(receipt, other)]
    for body in ({"entries": entries}, {"receipt_id": receipt["receipt_id"]}):
        answer = await mine.provider.clerk.ask("POST", f"{place(mine)}/resolve", body)
        assert answer == {"resolved": 0}
    assert len(await of(receipt, other)) == 2


async def test_nothing_of_a_record_is_stored_in_clear(sharing: Sharing, database: Database) -> None:
    body = b'{"id":"45010019900101001X-hidden","name":5,"unknown-hidden":1}'
    await sharing.publisher.publish(sharing.resource, body, **QUARANTINE)
    async with database.reading() as session:
        for table in ("quarantine_batch", "quarantine_entry"):
            rows = await session.execute(text(f"SELECT t::text AS said FROM exchange.{table} t"))  # noqa: S608 - two known names
            everything = "".join(row.said for row in rows)
            assert everything
            assert "hidden" not in everything
            assert b"hidden".hex() not in everything


async def test_a_full_quarantine_refuses_the_batch_whole_and_frees_the_key(
    world: World, settings: dict[str, str], logs: Path
) -> None:
    sharing = await world.sharing()
    limits = {"SHUYUAN_QUARANTINE_ENTRIES": "3", "SHUYUAN_QUARANTINE_BYTES": "200"}
    small = processes.beside({**settings, **limits})
    token = await sharing.publisher.token()
    with processes.gateway(small, logs / "small-quarantine.log") as running:
        async with httpx.AsyncClient(base_url=running.base_url, timeout=120) as http:

            async def publish(body: bytes, key: str) -> httpx.Response:
                return await http.post(
                    f"/v1/resources/{sharing.resource}/records",
                    content=body,
                    params=QUARANTINE,
                    headers={
                        "Authorization": f"Bearer {token}",
                        "Content-Type": NDJSON,
                        "Idempotency-Key": key,
                    },
                )

            first = told(await publish(mixed("l"), "one"))
            refused = problem(await publish(mixed("z"), "two"), 422, "quarantine_full")
            assert (refused["limit_entries"], refused["limit_bytes"]) == (3, 200)
            assert [error["index"] for error in refused["errors"]] == [1, 3]
            assert await in_the_log(sharing) == ["l0", "l1", "l2"]
            long = b'{"id":"' + b"x" * 200 + b'"}'
            problem(await publish(long, "three"), 422, "quarantine_full")
            body = {"receipt_id": first["receipt_id"]}
            await sharing.publisher.ask("POST", f"{place(sharing)}/resolve", body)
            assert told(await publish(mixed("z"), "two"))["accepted"] == 3
    assert len(await kept(sharing.provider.clerk, sharing)) == 2


async def test_writers_at_once_never_pass_the_limit_together(
    world: World, settings: dict[str, str], logs: Path
) -> None:
    sharing = await world.sharing()
    small = processes.beside({**settings, "SHUYUAN_QUARANTINE_ENTRIES": "10"}, workers=2)
    token = await sharing.publisher.token()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": NDJSON}
    path = f"/v1/resources/{sharing.resource}/records"
    with processes.gateway(small, logs / "crowded-quarantine.log") as running:
        async with httpx.AsyncClient(base_url=running.base_url, timeout=120) as http:
            answers = await asyncio.gather(
                *(
                    http.post(path, content=mixed(f"r{n}-"), params=QUARANTINE, headers=headers)
                    for n in range(12)
                )
            )
    codes = [answer.status_code for answer in answers]
    assert (codes.count(201), codes.count(422)) == (5, 7), codes
    assert len(await kept(sharing.provider.clerk, sharing)) == 10
    assert len(await in_the_log(sharing)) == 15


async def test_the_client_of_another_department_cannot_publish_into_it(
    world: World, sharing: Sharing
) -> None:
    stranger: ClientApp = sharing.subscriber
    answer = await stranger.try_publish(sharing.resource, mixed("s"), **QUARANTINE)
    problem(answer, 403, "not_your_department")
