"""Providers' files: resumed uploads whose digests are held against them, and metered downloads.

All of it in a folder and in a bucket, whose platform has a database and an S3 store of its own.
"""

import asyncio
import hashlib
import secrets
import signal
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest

from deploy.local.stack import Endpoints
from tests.integration.exchange.delivery import test_snapshots as snapshots
from tests.support import databases, processes, s3
from tests.support.callers import Caller
from tests.support.eventually import eventually
from tests.support.jobs import ended
from tests.support.problems import problem
from tests.support.revising import revise
from tests.support.world import Department, Sharing, World

Json = dict[str, Any]
TUS = {"Tus-Resumable": "1.0.0"}
CONTENT = secrets.token_bytes(300_000)
# Both kernels hold a few megabytes of a connection.
MORE_THAN_BUFFERS = 32 * 1024 * 1024
PIECE = "application/offset+octet-stream"


class InABucket(NamedTuple):
    """A platform that keeps its files in an S3 store."""

    server: s3.S3
    world: World


@pytest.fixture(scope="module")
async def in_a_bucket(
    endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[InABucket]:
    root = tmp_path_factory.mktemp("bucket")
    async with databases.new_database(endpoints.database_url) as url:
        with s3.running(root) as server:
            place = server.settings(root)
            own = processes.environment(url, endpoints.kafka_bootstrap, **place)
            with (
                processes.gateway(own, root / "gateway.log") as running,
                processes.worker(own, root / "worker.log"),
            ):
                async with World.begin(running.base_url, own, root / "people.json") as begun:
                    yield InABucket(server, begun)


@pytest.fixture(scope="module", params=["folder", "bucket"])
def world(request: pytest.FixtureRequest, world: World) -> World:
    """The session's own, or the one whose files lie in a bucket."""
    if request.param == "folder":
        return world
    there: InABucket = request.getfixturevalue("in_a_bucket")
    return there.world


async def shared(world: World, **asked: Any) -> Sharing:  # noqa: ANN401
    """A subscription of mode `file` to a resource without records."""
    provider, consumer = await world.department(), await world.department()
    publisher, subscriber = await world.client(provider), await world.client(consumer)
    resource = await world.resource(provider, share_modes=["file"], grade=2)
    subscription = await world.subscription(resource, consumer, subscriber, mode="file", **asked)
    return Sharing(provider, publisher, resource, consumer, subscriber, subscription)


async def begin(
    who: Caller, resource: str, length: int = len(CONTENT), **metadata: str
) -> httpx.Response:
    pairs = (f"{name} {b64encode(value.encode()).decode()}" for name, value in metadata.items())
    headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": ",".join(pairs)}
    return await who.post(f"/v1/resources/{resource}/files", headers=headers)


async def send(who: Caller, url: str, start: int, piece: bytes, **headers: str) -> httpx.Response:
    told = {**TUS, "Upload-Offset": str(start), "Content-Type": PIECE, **headers}
    return await who.send("PATCH", url, content=piece, headers=told)


async def provided(who: Caller, resource: str, content: bytes = CONTENT, **metadata: str) -> Json:
    """Return a file once its job is over, with the job."""
    url = (await begin(who, resource, len(content), **metadata)).headers["location"]
    assert (await send(who, url, 0, content)).status_code == 204
    file: Json = await who.ask("GET", url)
    job = await ended(who, file["job_id"])
    return {**await who.ask("GET", url), "job": job}


async def test_an_upload_goes_on_where_it_stands_and_is_held_to_its_digest(world: World) -> None:
    sharing = await shared(world)
    who, digest = sharing.publisher, hashlib.sha256(CONTENT).hexdigest()
    begun = await begin(who, sharing.resource, filename="统计.bin", sha256=digest)
    assert begun.status_code == 201, begun.text
    url, half = begun.headers["location"], 100_000
    assert begun.headers["upload-expires"]
    assert (await send(who, url, 0, CONTENT[:half])).headers["upload-offset"] == str(half)
    assert problem(await send(who, url, 0, CONTENT[:half]), 409, "conflict")["offset"] == half
    wrong = f"sha256 {b64encode(bytes(32)).decode()}"
    spoilt = await send(who, url, half, CONTENT[half:], **{"Upload-Checksum": wrong})
    problem(spoilt, 460, "checksum_mismatch")
    asked = await who.send("HEAD", url, headers=TUS)
    assert (asked.headers["upload-offset"], asked.content) == (str(half), b"")
    assert (await send(who, url, half, CONTENT[half:] + b"x")).status_code == 413
    told = b64encode(hashlib.sha256(CONTENT[half:]).digest()).decode()
    right = {"Upload-Checksum": f"sha256 {told}"}
    assert (await send(who, url, half, CONTENT[half:], **right)).status_code == 204
    file = await who.ask("GET", url)
    assert (await ended(who, file["job_id"]))["status"] == "done"
    file = await who.ask("GET", url)
    assert (file["status"], file["name"], file["sha256"]) == ("ready", "统计.bin", digest)

    client, path = sharing.subscriber, f"/v1/subscriptions/{sharing.subscription}/files"
    (listed,) = (await client.ask("GET", path))["items"]
    whole = await client.get(listed["url"])
    assert whole.content == CONTENT
    assert "统计" in httpx.URL(whole.headers["content-disposition"].rpartition("'")[2]).path
    part = await client.get(listed["url"], headers={"Range": "bytes=299990-"})
    assert part.content == CONTENT[299_990:]
    later = await client.ask("GET", f"{path}?since=2098-01-01T00:00:00Z")
    assert later["items"] == []
    removed = await who.send("DELETE", url, headers=TUS)
    assert removed.status_code == 204
    assert (await client.get(listed["url"])).status_code == 404


async def test_a_file_that_lies_about_its_digest_is_refused(world: World) -> None:
    sharing = await shared(world)
    clerk = sharing.provider.clerk
    file = await provided(clerk, sharing.resource, sha256="ab" * 32)
    assert (file["status"], file["job"]["problem"]["errors"][0]["code"]) == ("refused", "mismatch")
    options = await clerk.send("OPTIONS", f"/v1/resources/{sharing.resource}/files")
    assert options.headers["tus-extension"] == "creation,checksum,expiration,termination"


async def test_a_download_is_one_unit_whatever_its_ranges(world: World) -> None:
    sharing = await shared(world, records_per_day=1)
    client = sharing.subscriber
    await provided(sharing.publisher, sharing.resource)
    path = f"/v1/subscriptions/{sharing.subscription}"
    (listed,) = (await client.ask("GET", f"{path}/files"))["items"]
    for start in (0, 100, 200):
        ranged = await client.get(listed["url"], headers={"Range": f"bytes={start}-"})
        assert ranged.status_code == 206
    used = await sharing.consumer.clerk.ask("GET", path)
    assert used["used_today"] == 1
    problem(await sharing.consumer.clerk.get(listed["url"]), 429, "quota_exhausted")
    reason = {"reason": "核查", "remedy_by": "2098-01-04"}
    await sharing.provider.head.ask("POST", f"{path}/suspend", reason)
    assert (await client.get(listed["url"])).status_code == 403


async def test_a_suspension_cuts_a_download_short(world: World) -> None:
    sharing = await shared(world)
    client, content = sharing.subscriber, bytes(MORE_THAN_BUFFERS)
    await provided(sharing.publisher, sharing.resource, content)
    path = f"/v1/subscriptions/{sharing.subscription}"
    (listed,) = (await client.ask("GET", f"{path}/files"))["items"]
    told = {"Authorization": f"Bearer {await client.token()}"}
    received = 0

    async def receive() -> None:
        nonlocal received
        async with world.http.stream("GET", listed["url"], headers=told) as answer:
            assert answer.status_code == 200
            async for piece in answer.aiter_raw():
                if not received:
                    reason = {"reason": "核查", "remedy_by": "2098-01-04"}
                    await sharing.provider.head.ask("POST", f"{path}/suspend", reason)
                received += len(piece)

    with pytest.raises(httpx.TransportError):
        await receive()
    assert 0 < received < len(content)


async def test_a_file_taken_back_is_not_handed_on_to_its_end(world: World) -> None:
    """Who had begun to download it received the rest, however slowly it read."""
    sharing = await shared(world)
    client, content = sharing.subscriber, bytes(MORE_THAN_BUFFERS)
    file = await provided(sharing.publisher, sharing.resource, content)
    (listed,) = (await client.ask("GET", f"/v1/subscriptions/{sharing.subscription}/files"))[
        "items"
    ]
    told = {"Authorization": f"Bearer {await client.token()}"}
    received = 0

    async def receive() -> None:
        nonlocal received
        async with world.http.stream("GET", listed["url"], headers=told) as answer:
            async for piece in answer.aiter_raw():
                if not received:
                    taken = await sharing.publisher.send("DELETE", file["url"], headers=TUS)
                    assert taken.status_code == 204
                received += len(piece)

    with pytest.raises(httpx.TransportError):
        await receive()
    assert 0 < received < len(content)
    codes: set[str] = set()

    async def told_why() -> bool:
        found = await client.ask("GET", "/v1/refusals", params={"client_id": client.id})
        codes.update(each["code"] for each in found["items"])
        return bool(codes)

    await eventually(told_why)
    assert "internal_error" not in codes  # that the rest did not leave was no failure


async def test_a_file_is_held_against_the_version_that_it_was_provided_under(
    world: World,
) -> None:
    """It held an item that the next version had dropped, and whoever was granted that had it."""
    before = await shared(world)
    await provided(before.publisher, before.resource)
    await revise(world, before, {"amount": None})
    consumer = await world.department()
    client = await world.client(consumer)
    later = await world.subscription(before.resource, consumer, client, mode="file")
    (listed,) = (
        await before.subscriber.ask("GET", f"/v1/subscriptions/{before.subscription}/files")
    )["items"]
    assert (await before.subscriber.get(listed["url"])).status_code == 200
    path = f"/v1/subscriptions/{later}/files"
    assert (await client.ask("GET", path))["items"] == []
    assert (await client.get(f"{path}/{listed['id']}")).status_code in (403, 409)
    await provided(before.publisher, before.resource)
    assert len((await client.ask("GET", path))["items"]) == 1


@pytest.fixture(scope="module")
async def provider(world: World) -> Department:
    return await world.department()


async def test_files_are_for_their_department_and_for_entries_without_secrets(
    world: World, provider: Department
) -> None:
    stranger = await world.department()
    sensitive = await world.resource(provider, share_modes=["file"], grade=3)
    pulled = await world.resource(provider, share_modes=["pull"])
    resource = await world.resource(provider, share_modes=["file"])
    assert (await begin(stranger.clerk, resource)).status_code == 403
    assert (await begin(provider.head, resource)).status_code == 403
    for refused in (sensitive, pulled):
        assert (await begin(provider.clerk, refused)).status_code == 409
    path, usual = f"/v1/resources/{resource}/files", {**TUS, "Upload-Length": "5"}
    refusals = [
        ({"Upload-Length": "5"}, 412, "tus_version"),
        ({**TUS}, 400, "invalid_parameter"),
        ({**TUS, "Upload-Length": str(50 * 1024**3 + 1)}, 413, "body_too_large"),
        ({**usual, "Upload-Metadata": "filename !"}, 400, "invalid_parameter"),
    ]
    for headers, status, code in refusals:
        problem(await provider.clerk.post(path, headers=headers), status, code)
    url = (await provider.clerk.post(path, headers=usual)).headers["location"]
    assert (
        await send(provider.clerk, url, 0, b"x", **{"Content-Type": "text/csv"})
    ).status_code == 415
    ended_ = await provider.clerk.send("DELETE", url, headers=TUS)
    assert ended_.status_code == 204
    assert (await provider.clerk.get(url)).status_code == 404


async def test_snapshots_lie_in_a_bucket_too(in_a_bucket: InABucket) -> None:
    sharing = await snapshots.shared(in_a_bucket.world)
    snapshot = await snapshots.made(sharing, sharing.subscriber, "csv")
    whole = await sharing.subscriber.get(snapshot["url"])
    assert hashlib.sha256(whole.content).hexdigest() == snapshot["manifest"]["sha256"]
    assert in_a_bucket.server.objects()


async def test_a_store_that_hangs_or_is_gone_harms_nothing_beside(in_a_bucket: InABucket) -> None:
    """An upload waits for it, then is told; records go on, and so do files once it is back.

    A download from it began with 200 and was cut short: now it is refused before it begins.
    """
    server, world = in_a_bucket
    sharing, beside = await shared(world), await world.sharing()
    await provided(sharing.publisher, sharing.resource)
    (listed,) = (
        await sharing.subscriber.ask("GET", f"/v1/subscriptions/{sharing.subscription}/files")
    )["items"]
    url = (await begin(sharing.publisher, sharing.resource)).headers["location"]
    server.server.send_signal(signal.SIGSTOP)
    try:
        upload = asyncio.create_task(send(sharing.publisher, url, 0, CONTENT))
        await beside.publisher.publish(beside.resource, [{"id": "a", "name": "甲"}])
        (line,) = (await beside.subscriber.pull(beside.subscription)).records
        assert line["key"] == "a"
        assert not upload.done()
    finally:
        server.server.send_signal(signal.SIGCONT)
    assert (await upload).status_code == 204

    url = (await begin(sharing.publisher, sharing.resource)).headers["location"]
    server.server.kill()
    server.server.wait()
    told = problem(await send(sharing.publisher, url, 0, CONTENT), 503, "unavailable")
    assert "文件存储" in told["title"]
    problem(await sharing.subscriber.get(listed["url"]), 503, "unavailable")
    asked = await sharing.publisher.send("HEAD", url, headers=TUS)
    assert asked.headers["upload-offset"] == "0"
    await beside.publisher.publish(beside.resource, [{"id": "b", "name": "乙"}])
    assert len((await beside.subscriber.pull(beside.subscription)).records) == 2
