"""A disk without room under a live platform: uploads are refused, records go on, nothing is lost.

The kernel refuses the gateway's workers every byte of a file, as it does on a full disk.
"""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.integration.exchange.delivery.test_files import CONTENT, begin, provided, send, shared
from tests.integration.gateway import test_uploads as uploads
from tests.support.browsing import browsing
from tests.support.jobs import ended
from tests.support.problems import problem
from tests.support.processes import Running
from tests.support.world import World
from tests.unit.exchange.attachments.test_kinds import PDF

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of others: Linux")
# More than is held in memory of a form's file.
SPOOLED = b"id,name,amount\n" + b"".join(b"r%d,x,1\n" % n for n in range(300_000))


@contextmanager
def full(pids: list[int]) -> Iterator[None]:
    """Let nothing be written to any file by these processes."""
    limit = resource.RLIMIT_FSIZE
    before = {pid: resource.prlimit(pid, limit) for pid in pids}
    try:
        for pid, (_soft, hard) in before.items():
            resource.prlimit(pid, limit, (0, hard))
        yield
    finally:
        for pid, limits in before.items():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, limit, limits)


async def test_uploads_are_refused_and_go_on_while_records_never_stop(
    world: World, platform: Running
) -> None:
    sharing, beside = await shared(world), await world.sharing()
    url = (await begin(sharing.publisher, sharing.resource)).headers["location"]
    assert (await send(sharing.publisher, url, 0, CONTENT[:1000])).status_code == 204
    department = await world.department()
    resource_id = await world.resource(department)
    attached = await world.department()
    workers = platform.worker_pids()
    page = f"/console/resources/{resource_id}/upload"
    async with browsing(world.base_url, department.clerk) as browser:
        form = (await browser.open(page)).form("/upload")
        fields = {"token": form.fields["token"][0], "once": form.fields["once"][0], "go": "check"}
        with full(workers):
            told = problem(
                await send(sharing.publisher, url, 1000, CONTENT[1000:]), 503, "unavailable"
            )
            assert "空间不足" in told["title"]
            spooled = await uploads.send(department.clerk, resource_id, SPOOLED)
            problem(spooled, 503, "unavailable")
            small = await uploads.send(department.clerk, resource_id, b"id,name,amount\nr1,x,1\n")
            problem(small, 503, "unavailable")
            document = {"file": ("a.pdf", PDF)}
            refused = await attached.clerk.post("/v1/attachments", files=document)
            problem(refused, 503, "unavailable")
            typed = await browser.http.post(
                form.action,
                data=fields,
                files={"file": ("数据.csv", SPOOLED)},
                headers={"Origin": browser.base_url},
            )
            assert typed.status_code == 503, typed.text
            # What needs no disk goes on, on every worker.
            for n in range(6):
                row: dict[str, Any] = {"id": f"r{n}", "name": "甲", "amount": n}
                await beside.publisher.publish(beside.resource, [row])
            shown = await beside.subscriber.pull_all(beside.subscription)
            assert len(shown.records) == 6
    assert platform.worker_pids() == workers
    asked = await sharing.publisher.send("HEAD", url, headers={"Tus-Resumable": "1.0.0"})
    assert asked.headers["upload-offset"] == "1000"
    assert (await send(sharing.publisher, url, 1000, CONTENT[1000:])).status_code == 204
    file = await sharing.publisher.ask("GET", url)
    assert (await ended(sharing.publisher, file["job_id"]))["status"] == "done"
    client = sharing.subscriber
    path = f"/v1/subscriptions/{sharing.subscription}/files"
    (listed,) = (await client.ask("GET", path))["items"]
    assert (await client.get(listed["url"])).content == CONTENT
    again = await uploads.send(department.clerk, resource_id, b"id,name,amount\nr1,x,1\n")
    job = await ended(department.clerk, again.json()["job_id"])
    assert (job["status"], job["done"]) == ("done", 1)


async def test_ten_thousand_pieces_of_a_file_are_refused_as_one(world: World) -> None:
    sharing = await shared(world)
    await provided(sharing.publisher, sharing.resource)
    path = f"/v1/subscriptions/{sharing.subscription}/files"
    (listed,) = (await sharing.subscriber.ask("GET", path))["items"]
    for pieces in (
        ",".join("0-0" for _ in range(10_000)),
        ",".join(f"{n}-{n}" for n in range(0, 22, 2)),
        ",".join("0-" for _ in range(10)),
    ):
        answer = await sharing.subscriber.get(listed["url"], headers={"Range": f"bytes={pieces}"})
        told = problem(answer, 416, "range_not_satisfiable")
        assert told["size"] == len(CONTENT)
        assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"
