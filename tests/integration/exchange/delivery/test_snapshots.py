"""Snapshots: the approved view at one position, charged at once, and stopped like a pull (P3)."""

import asyncio
import hashlib
import io
from base64 import b64encode
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from exchange.delivery.snapshots.asking import SNAPSHOTS_MAX
from kernel.database import Database
from tests.integration.exchange.delivery.test_lookups import ITEMS, RECORDS
from tests.support.callers import Caller
from tests.support.eventually import eventually
from tests.support.jobs import ended
from tests.support.problems import problem
from tests.support.world import Sharing, World

Json = dict[str, Any]


async def shared(world: World, **asked: Any) -> Sharing:  # noqa: ANN401
    """A subscription of mode `file` to a resource that holds RECORDS, which are folded."""
    provider, consumer = await world.department(), await world.department()
    publisher, subscriber = await world.client(provider), await world.client(consumer)
    resource = await world.resource(provider, ITEMS, share_modes=["file"])
    await publisher.publish(resource, RECORDS)
    subscription = await world.subscription(resource, consumer, subscriber, mode="file", **asked)
    sharing = Sharing(provider, publisher, resource, consumer, subscriber, subscription)

    async def is_folded() -> bool:
        answer = await publisher.get(f"/v1/resources/{resource}/records")
        return answer.status_code == 200 and len(answer.json()["items"]) == len(RECORDS)

    await eventually(is_folded)
    return sharing


async def begun(sharing: Sharing, who: Caller, wanted: str = "ndjson") -> httpx.Response:
    return await who.post(path_of(sharing), {"format": wanted})


def path_of(sharing: Sharing) -> str:
    return f"/v1/subscriptions/{sharing.subscription}/snapshots"


async def made(sharing: Sharing, who: Caller, wanted: str = "ndjson") -> Json:
    """Return a snapshot once its job is over."""
    answer = await begun(sharing, who, wanted)
    assert answer.status_code == 202, answer.text
    job = await ended(who, answer.json()["job_id"])
    assert job["status"] == "done", job
    snapshot: Json = await who.ask("GET", f"{path_of(sharing)}/{answer.json()['snapshot_id']}")
    return snapshot


async def test_all_that_the_grant_shows_comes_in_every_format(world: World) -> None:
    sharing = await shared(world, row_filter=[{"item": "id", "op": "ne", "value": "k9"}])
    client = sharing.subscriber
    snapshot = await made(sharing, client)
    manifest = snapshot["manifest"]
    assert (snapshot["status"], manifest["rows"]) == ("ready", 2)
    # A position counts the records before it, hidden ones too.
    assert manifest["position"] is None
    whole = await client.get(snapshot["url"])
    assert hashlib.sha256(whole.content).hexdigest() == manifest["sha256"]
    digest = b64encode(bytes.fromhex(manifest["sha256"])).decode()
    assert whole.headers["content-digest"] == f"sha-256=:{digest}:"
    lines = sorted(map(orjson.loads, whole.content.splitlines()), key=lambda each: each["key"])
    assert [each["data"]["name"] for each in lines] == ["韦***", "黄***"]
    assert {each["version"] for each in lines} == {1}

    clerk = sharing.consumer.clerk
    csv = await clerk.get((await made(sharing, clerk, "csv"))["url"])
    assert csv.text.startswith("\ufeffexchange_key,id,name,region,amount\r\n")
    book = await clerk.get((await made(sharing, clerk, "xlsx"))["url"])
    assert book.content.startswith(b"PK")
    listed = (await clerk.ask("GET", path_of(sharing)))["items"]
    assert {each["format"] for each in listed} == {"ndjson", "csv", "xlsx"}
    parquet = pytest.importorskip("pyarrow.parquet")
    table = await client.get((await made(sharing, client, "parquet"))["url"])
    rows = parquet.read_table(io.BytesIO(table.content)).to_pylist()
    assert sorted(row["amount"] for row in rows) == [5, 12]
    thing = f"/v1/audit?thing={sharing.subscription}&event=snapshot.made"
    audited = (await world.auditor.ask("GET", thing))["items"]
    assert manifest["sha256"] in {each["details"]["sha256"] for each in audited}


async def test_ranges_go_on_where_a_download_broke_off(world: World) -> None:
    sharing = await shared(world)
    client = sharing.subscriber
    snapshot = await made(sharing, client, "csv")
    assert snapshot["manifest"]["position"] == [2]
    url, whole = snapshot["url"], await client.get(snapshot["url"])
    tag, size = whole.headers["etag"], len(whole.content)
    rest = await client.get(url, headers={"Range": "bytes=5-", "If-Range": tag})
    assert (rest.status_code, rest.content) == (206, whole.content[5:])
    assert rest.headers["content-range"] == f"bytes 5-{size - 1}/{size}"
    assert "content-digest" not in rest.headers
    assert rest.headers["repr-digest"] == whole.headers["content-digest"]
    other = await client.get(url, headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert other.status_code == 200
    several = await client.get(url, headers={"Range": "bytes=0-1,-2"})
    assert several.status_code == 206
    assert f"bytes {size - 2}-{size - 1}/{size}\r\n\r\n".encode() in several.content
    assert len(several.content) == int(several.headers["content-length"])
    head = await client.send("HEAD", url)
    assert (head.headers["content-length"], head.content) == (str(size), b"")
    many = ",".join(f"{each}-{each}" for each in range(11))
    asked = await client.get(url, headers={"Range": f"bytes={many}"})
    assert problem(asked, 416, "range_not_satisfiable")["size"] == size
    thing = f"/v1/audit?thing={sharing.subscription}&event=snapshot.read"
    assert len((await world.auditor.ask("GET", thing))["items"]) == 1


async def test_all_records_are_charged_at_once_or_none(world: World) -> None:
    sharing = await shared(world, records_per_day=3)
    client = sharing.subscriber
    await made(sharing, client)
    answer = await begun(sharing, client)
    job = await ended(client, answer.json()["job_id"])
    assert (job["status"], job["problem"]["code"]) == ("failed", "quota_exhausted")
    path = f"/v1/subscriptions/{sharing.subscription}"
    assert (await sharing.consumer.clerk.ask("GET", path))["used_today"] == 2


COPIES = text("""
    INSERT INTO exchange.snapshot (id, subscription_id, job_id, format, revision,
        created_by_kind, created_by, created_at, expires_at)
    SELECT id || '-' || n, subscription_id, job_id, format, revision, created_by_kind, created_by,
        created_at, expires_at
    FROM exchange.snapshot, generate_series(1, :count) AS n WHERE id = :id
""")


async def test_whoever_has_as_many_as_may_be_removes_one(world: World, database: Database) -> None:
    """A system with a snapshot an hour was stopped after twenty hours, for days."""
    sharing = await shared(world)
    client, clerk, path = sharing.subscriber, sharing.consumer.clerk, path_of(sharing)
    first = await made(sharing, client)
    async with database.transaction() as session:
        await session.execute(COPIES.bindparams(id=first["id"], count=SNAPSHOTS_MAX - 2))
    # One has room: of several at the same moment one is taken.
    answers = await asyncio.gather(*(begun(sharing, client) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [202, 429, 429, 429]
    for each in answers:
        if each.status_code == 429:
            assert problem(each, 429, "rate_limited")["policy"] == "snapshots"
    for who in (sharing.publisher, (await world.department()).clerk):
        problem(await who.send("DELETE", f"{path}/{first['id']}"), 404, "not_found")
    problem(
        await sharing.consumer.head.send("DELETE", f"{path}/{first['id']}"), 403, "role_required"
    )
    assert (await clerk.send("DELETE", f"{path}/{first['id']}")).status_code == 204
    problem(await client.get(first["url"]), 404, "not_found")
    problem(await client.send("DELETE", f"{path}/{first['id']}"), 404, "not_found")
    assert (await begun(sharing, client)).status_code == 202
    thing = f"/v1/audit?thing={sharing.subscription}&event=snapshot.removed"
    assert len((await world.auditor.ask("GET", thing))["items"]) == 1


async def test_one_that_is_removed_while_it_is_made_is_not_charged(world: World) -> None:
    sharing = await shared(world, records_per_day=10)
    client = sharing.subscriber
    kept = await made(sharing, client)
    several = [(await begun(sharing, client)).json() for _ in range(4)]
    paths = [f"{path_of(sharing)}/{each['snapshot_id']}" for each in several]
    removed = await asyncio.gather(*(client.send("DELETE", each) for each in paths))
    assert {each.status_code for each in removed} == {204}
    jobs = [await ended(client, each["job_id"]) for each in several]
    # Whoever was first: what is there has been charged, and nothing else.
    done = [each for each in jobs if each["status"] == "done"]
    assert {each["problem"]["code"] for each in jobs if each not in done} <= {"gone"}
    listed = (await client.ask("GET", path_of(sharing)))["items"]
    assert [each["id"] for each in listed] == [kept["id"]]
    path = f"/v1/subscriptions/{sharing.subscription}"
    used = (await sharing.consumer.clerk.ask("GET", path))["used_today"]
    assert used == len(RECORDS) * (1 + len(done))


async def test_a_snapshot_ends_with_its_grant_and_is_nobody_elses(world: World) -> None:
    sharing = await shared(world)
    client, stranger = sharing.subscriber, await world.department()
    url = (await made(sharing, client))["url"]
    for who in (stranger.clerk, sharing.provider.head, sharing.publisher):
        assert (await who.get(url)).status_code == 404
    for who in (stranger.clerk, sharing.publisher):
        assert (await begun(sharing, who)).status_code == 404
    assert (await begun(sharing, sharing.consumer.head)).status_code == 403
    assert (await begun(sharing, client, "docx")).status_code == 422
    path = f"/v1/subscriptions/{sharing.subscription}"
    assert (await client.get(f"{path}/records")).status_code == 403
    reason = {"reason": "核查", "remedy_by": "2098-01-04"}
    await sharing.provider.head.ask("POST", f"{path}/suspend", reason)
    problem(await client.get(url), 403, "subscription_suspended")
    await sharing.provider.head.ask("POST", f"{path}/resume")
    problem(await client.get(url), 410, "gone")


async def test_codes_are_of_the_edition_that_the_grant_names(world: World) -> None:
    """Editions could not be asked for by mode `file`."""
    code_list = await world.code_list("a", "b")
    newer = {
        "edition": "2",
        "effective_from": "2024-01-01",
        "items": [
            *({"value": value, "name": value} for value in ("a", "b2", "c")),
            {"value": "b", "name": "b", "effective_to": "2023-12-31", "successors": ["b2"]},
        ],
    }
    await world.authority.ask("POST", f"/v1/code-lists/{code_list}/editions", newer)
    items: list[Json] = [
        {"name": "id", "key": True},
        {"name": "area", "data_type": "code", "code_list": code_list},
    ]
    provider, consumer = await world.department(), await world.department()
    publisher, subscriber = await world.client(provider), await world.client(consumer)
    resource = await world.resource(provider, items, share_modes=["file"])
    # `c` came with the second edition: the first has nothing for it.
    await publisher.publish(resource, [{"id": "1", "area": "b2"}, {"id": "2", "area": "c"}])
    for edition, value, unmapped in (("1", "b", "area"), ("2", "b2", "")):
        subscription = await world.subscription(
            resource, consumer, subscriber, mode="file", editions={"area": edition}
        )
        sharing = Sharing(provider, publisher, resource, consumer, subscriber, subscription)
        whole = await subscriber.get((await made(sharing, subscriber, "csv"))["url"])
        head, *lines = whole.text.removeprefix("\ufeff").splitlines()
        assert head == "exchange_key,id,area,exchange_unmapped"
        assert sorted(lines) == [f"1,1,{value},", f"2,2,c,{unmapped}"]
        # A provider's file has the provider's codes.
        files = await subscriber.get(f"/v1/subscriptions/{subscription}/files")
        problem(files, 403, "files_not_granted")
