"""Every other way out while faults strike: push, table, query, verify, snapshots, files, services.

A department has a grant for each. Whatever is killed, each record comes to each of them once, every
job and upload ends, and refusals are problems that say so (P4, P5, P9).
"""

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from aiohttp import web

from tests.faults.campaign.asking import AGAIN, PAUSE_SECONDS, Asking, RefusedNow
from tests.faults.campaign.loads import Loads, loading
from tests.faults.campaign.wire import Watch
from tests.integration.exchange.delivery.test_files import TUS, begin, send
from tests.support.callers import ndjson
from tests.support.eventually import eventually
from tests.support.receiving import Receiver, allow_loopback, receiving, set_endpoint
from tests.support.services import providing
from tests.support.tables import Tables
from tests.support.ways import EXPECTED, Offer, Party, offered, party
from tests.support.world import Sharing, World, unique

Json = dict[str, Any]
TABLE = "CREATE TABLE @people (id varchar(64) PRIMARY KEY, name text NOT NULL, amount integer);"
BATCH = 5
PATIENCE_SECONDS = 60.0
FILE_BYTES, PIECE_BYTES = 200_000, 64_000
FILES_MAX, SNAPSHOTS_MAX = 12, 12
OPEN_JOBS = "SELECT kind, status FROM kernel.job WHERE department = ANY($1) AND ended_at IS NULL"


@dataclass(kw_only=True)
class Ways(Asking):
    """`keys` were acknowledged, in order."""

    offer: Offer
    consumer: Party
    receiver: Receiver
    tables: Tables
    loads: Loads
    keys: list[str] = field(default_factory=list)
    _uploads: list[tuple[str, bytes]] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        """Use every way until `stop`."""
        turns = (
            self._publish, self._query, self._verify, self._snapshot, self._upload, self._call,
            self._land,
        )  # fmt: skip
        async with asyncio.TaskGroup() as group:
            group.create_task(self.loads.run(stop))
            for turn in turns:
                group.create_task(self.repeat(turn, stop))

    def _path(self, way: str) -> str:
        return self.consumer.paths[way]

    async def _publish(self) -> None:
        """Insist on a batch: the same key until it is acknowledged."""
        first = len(self.keys)
        keys = [f"w{n:06}" for n in range(first, first + BATCH)]
        body, key = ndjson([row(each) for each in keys]), unique()
        while True:
            try:
                publisher, resource = self.offer.publisher, self.offer.resource
                self.taken(await publisher.try_publish(resource, body, key))
                break
            except AGAIN:
                await asyncio.sleep(PAUSE_SECONDS)
        self.keys += keys

    async def _query(self) -> None:
        if self.keys:
            key = secrets.choice(self.keys)
            answer = await self.consumer.client.get(f"{self._path('query')}/records/{key}")
            self._like(self.taken(answer).json()["data"], row(key), "query")

    async def _verify(self) -> None:
        if self.keys:
            await self._matches(secrets.choice(self.keys))

    async def _matches(self, key: str) -> bool:
        expected = {**EXPECTED, "key": key, "expect": {"name": row(key)["name"]}}
        answer = await self.consumer.client.post(f"{self._path('verify')}/verify", expected)
        return bool(self.taken(answer).json()["match"])

    async def _call(self) -> None:
        answer = await self.consumer.client.get(f"{self._path('records of a service')}/call/find")
        (item,) = self.taken(answer).json()["items"]
        self._like(item["data"], row("w000000"), "a call")

    async def _snapshot(self) -> None:
        """Make one of what was acknowledged before: all of it is there, each record once."""
        if self.done["snapshot"] >= SNAPSHOTS_MAX or not self.keys:
            return
        before, client, path = list(self.keys), self.consumer.client, self._path("snapshot")
        headers = {"Idempotency-Key": unique()}

        async def begun() -> Json:
            asked = await client.post(f"{path}/snapshots", {"format": "ndjson"}, headers=headers)
            told: Json = self.taken(asked).json()
            return told

        told = await self.insisted(begun)
        status = await self.insisted(lambda: self._ended(told["job_id"]))
        if status != "done":
            self.watch.accuse(f"a snapshot ended as {status}")
            return
        made = await self.insisted(lambda: self._json(f"{path}/snapshots/{told['snapshot_id']}"))
        content = await self.insisted(lambda: self._bytes(made["url"]))
        seen = Counter(json.loads(line)["key"] for line in content.splitlines())
        # The latest state follows the log: what came last may be missing, nothing doubled.
        missing = [key for key in before[: made["manifest"]["rows"]] if key not in seen]
        if missing or max(seen.values(), default=1) > 1 or len(seen) != made["manifest"]["rows"]:
            self.watch.accuse(f"a snapshot lacks {missing[:3]}, or holds something twice")

    async def _upload(self) -> None:
        """Send a file piece by piece, from wherever the platform says that it stands."""
        if len(self._uploads) >= FILES_MAX:
            return
        content, who = secrets.token_bytes(FILE_BYTES), self.offer.publisher
        url = self.taken(await begin(who, self.offer.resource, len(content))).headers["location"]

        async def sent() -> bool:
            stands = self.taken(await who.send("HEAD", url, headers=TUS))
            start = int(stands.headers["upload-offset"])
            while start < len(content):
                piece = content[start : start + PIECE_BYTES]
                answer = self.taken(await send(who, url, start, piece))
                start = int(answer.headers["upload-offset"])
            return True

        await self.insisted(sent)
        self._uploads.append((url, content))

    async def _land(self) -> None:
        """Run the agent once; what is away it says, and goes on from where it was."""
        worked = await self.tables.work()
        if not worked.fine:
            raise RefusedNow(str(worked.said)[:200])

    async def _json(self, path: str) -> Json:
        told: Json = self.taken(await self.consumer.client.get(path)).json()
        return told

    async def _bytes(self, path: str) -> bytes:
        return self.taken(await self.consumer.client.get(path)).content

    async def _ended(self, job_id: str) -> str:
        job = await self._json(f"/v1/jobs/{job_id}")
        if job["status"] in ("queued", "running"):
            raise RefusedNow(f"the job is {job['status']}")
        return str(job["status"]) + (f" {job['problem']}" if job.get("problem") else "")

    def _like(self, data: Mapping[str, Any], expected: Mapping[str, Any], way: str) -> None:
        if dict(data) != dict(expected):
            self.watch.accuse(f"{way} told {data} for {expected}")

    async def judge(self) -> None:
        """Accuse what is lost, doubled or stuck, once faults are over."""
        # The one before may have ended with its server.
        self.tables.connection.terminate()
        self.tables.connection = await asyncpg.connect(self.tables.url)
        checks = {
            "the agent's table": self._is_landed,
            "push": self._is_pushed,
            "jobs": self._has_no_open_job,
            "files": self._is_provided,
            "query": self._is_queried,
            "a replaced table": self.loads.is_replaced,
            "a published table": self.loads.is_published,
        }
        for name, check in checks.items():
            try:
                await eventually(check, within_seconds=PATIENCE_SECONDS / 4)
            except AssertionError:
                self.watch.accuse(f"{name}: not whole after all faults: {self._standing()}")
        pushed = Counter(each["key"] for each in self.receiver.records)
        if doubled := [key for key, count in pushed.items() if count > 1]:
            self.watch.accuse(f"pushed in two messages: {doubled[:3]}")
        shown = (await self.consumer.client.pull_all(self._path("pull").rpartition("/")[2])).records
        if [each["key"] for each in shown] != self.keys:
            self.watch.accuse(f"pull shows {len(shown)} records for {len(self.keys)}")

    def _standing(self) -> str:
        return (
            f"{len(self.keys)} acknowledged, {len(self.receiver.records)} pushed, "
            f"{len(self._uploads)} uploads, {dict(self.done)}"
        )

    async def _is_landed(self) -> bool:
        if not (await self.tables.work()).fine:
            return False
        rows = await self.tables.rows("SELECT id, name, amount FROM @people ORDER BY id")
        return rows == [tuple(row(key).values()) for key in self.keys]

    async def _is_pushed(self) -> bool:
        return len(self.receiver.records) >= len(self.keys)

    async def _has_no_open_job(self) -> bool:
        departments = [self.offer.provider.uscc, self.consumer.department.uscc]
        return not await self.tables.connection.fetch(OPEN_JOBS, departments)

    async def _is_provided(self) -> bool:
        client, path = self.consumer.client, f"{self._path('file')}/files"
        for url, content in self._uploads:
            file = await self.offer.publisher.ask("GET", url)
            if file["status"] != "ready":
                return False
            if (await client.get(f"{path}/{file['id']}")).content != content:
                self.watch.accuse(f"another file than was sent: {file}")
        return True

    async def _is_queried(self) -> bool:
        """Whether the latest state has the last record, and verify knows it."""
        key = self.keys[-1]
        try:
            answer = await self.consumer.client.get(f"{self._path('query')}/records/{key}")
            return bool(self.taken(answer)) and await self._matches(key)
        except RefusedNow:
            return False


def row(key: str) -> Json:
    number = int(key[1:])
    return {"id": key, "name": f"名称{number}", "amount": number}


@asynccontextmanager
async def ways(world: World, database_url: str, folder: Path, watch: Watch) -> AsyncIterator[Ways]:
    """Yield a department with a grant for each way, a receiver, a service and a table."""
    async with providing() as service, receiving() as receiver:

        async def find(_request: web.Request) -> web.Response:
            return web.json_response([row("w000000")])

        service.answer = find
        offer = await offered(world, [], service)
        consumer = await party(world, offer)
        pushed = await world.subscription(
            offer.resource, consumer.department, consumer.client, mode="push"
        )
        shares = (offer.provider, offer.publisher, offer.resource)
        await allow_loopback(world, consumer.department)
        await set_endpoint(Sharing(*shares, consumer.department, consumer.client, pushed), receiver)
        url = database_url.replace("+asyncpg", "")
        tables = Tables(url, folder, await asyncpg.connect(url))
        await tables.connection.execute(f"CREATE SCHEMA {tables.schema}")
        await tables.execute(TABLE)
        landing = consumer.paths["table"].rpartition("/")[2]
        job = ["[[pull]]", 'name = "people"', f'subscription = "{landing}"',
               'table = "@people"', 'key = ["id"]', "batch = 20"]  # fmt: skip
        loads = await loading(world, watch, offer, consumer, tables)
        tables.configure(consumer.client, world.base_url, "\n".join([*job, *loads.job]))
        made = Ways(
            watch, offer=offer, consumer=consumer, receiver=receiver, tables=tables, loads=loads
        )
        try:
            yield made
        finally:
            await made.tables.connection.close()
