"""Any bridge that speaks the Kafka REST v2 API, given by its URL, with the records of everybody.

A bridge speaks to a broker of its own choice. Unless told otherwise that is the benchmark's own,
which then listens on a known port, so that a bridge can be started before it.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import httpx
import orjson
import psutil
from aiokafka import AIOKafkaProducer

from deploy.local.ports import HOST
from loadtests import records
from loadtests.arena import Arena
from loadtests.readback import create_topics, ends_of
from loadtests.runs import RunFailed
from loadtests.tally import Run

FEEDS = ("bridge.feed-1", "bridge.feed-2", "bridge.feed-3")
ARCHIVE, PARTITION = "bridge.archive", 0
JSON = "application/vnd.kafka.json.v2+json"
JSON_VALUES: Mapping[str, str] = {"Content-Type": JSON}
COMMANDS: Mapping[str, str] = {"Content-Type": "application/vnd.kafka.v2+json"}
POLLS: Mapping[str, str] = {"Accept": JSON}
# About 500 records, as long as they are in the log. Some bridges take `max_bytes` for what they may
# fetch, others (Strimzi 0.33) refuse with 422 an answer that has become longer, and have moved on:
# whoever hears that begins anew with twice as many.
PAGE_BYTES, PAGE_BYTES_MAX = 500 * 330, 500 * 330 * 16
POLL_MILLISECONDS = 1000
BROKER_PORT = 29092
PATIENCE_SECONDS, ASK_SECONDS, LOOK_SECONDS = 120.0, 10.0, 0.5
LINGER_MS = 5


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge, the broker behind it and, where it runs on this machine, its first process."""

    name: str
    url: str
    bootstrap: str

    def beside(self, arena: Arena) -> Arena:
        """Return the arena with the bridge in the gateway's place, its process where it is ours."""
        families, pid = dict(arena.families), _listener(self.url)
        families.pop("gateway", None)
        return replace(
            arena, base_url=self.url, families=families | ({"gateway": pid} if pid else {})
        )


def parse(text: str, bootstrap: str) -> Bridge:
    """Read `NAME=URL`, or a URL alone, which then names itself by its host and port."""
    name, found, url = text.partition("=")
    if not found or "/" in name:
        name, url = urlsplit(text).netloc, text
    return Bridge(name, url.rstrip("/"), bootstrap)


def make_ready(bridge: Bridge, archive_records: int) -> None:
    """Create and fill the topics, past the bridge, then wait for it; raises RunFailed."""
    asyncio.run(_fill(bridge.bootstrap, archive_records))
    deadline = time.monotonic() + PATIENCE_SECONDS
    body: object = {"records": [{"key": "probe", "value": {}}]}
    with httpx.Client(base_url=bridge.url, timeout=ASK_SECONDS, headers=JSON_VALUES) as http:
        while not _takes(http, body):
            if time.monotonic() > deadline:
                raise RunFailed(f"{bridge.url} takes no records for {bridge.bootstrap}")
            time.sleep(LOOK_SECONDS)


def _takes(http: httpx.Client, body: object) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return all(http.post(f"/topics/{feed}", json=body).is_success for feed in FEEDS)
    return False


async def _fill(bootstrap: str, archive_records: int) -> None:
    """Put record n at offset n of the archive, unless an earlier run has."""
    await create_topics(bootstrap, [*FEEDS, ARCHIVE], 1)
    there = (await ends_of(bootstrap, ARCHIVE, [PARTITION]))[PARTITION]
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=LINGER_MS
    )
    await producer.start()
    try:
        for number in range(there, archive_records):
            value = records.lines()[number % records.DISTINCT]
            await producer.send(ARCHIVE, value, partition=PARTITION)
        await producer.flush()
    finally:
        await producer.stop()


def _listener(url: str) -> int | None:
    """Return the process that listens at a loopback address, if it may be seen."""
    place = urlsplit(url)
    if place.hostname not in {HOST, "localhost"}:
        return None
    with contextlib.suppress(psutil.AccessDenied):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr[1:] == (place.port,):
                return each.pid
    return None


def bodies(records_each: int, count: int) -> list[bytes]:
    """Return the bodies of `loadtests.records`, each record with its key."""
    return [_body(body.split(b"\n")) for body in records.bodies(records_each, count)]


def _body(lines: Sequence[bytes]) -> bytes:
    keys = (orjson.dumps(orjson.loads(line)[records.KEY]) for line in lines)
    parts = (b'{"key":%b,"value":%b}' % pair for pair in zip(keys, lines, strict=True))
    return b'{"records":[%b]}' % b",".join(parts)


def acknowledged(content: bytes, count: int) -> list[Run]:
    """Return the places that an answer to a publish names; ValueError unless it took them all."""
    taken = orjson.loads(content)["offsets"]
    for each in taken:
        if each.get("error_code") or each.get("partition") is None or each["offset"] < 0:
            raise ValueError(f"a record was not taken: {each}")
    if len(taken) != count:
        raise ValueError(f"{len(taken)} of {count} accepted")
    return [(each["partition"], each["offset"], each["offset"]) for each in taken]


class Following:
    """Compares what a consumer gets, record by record, with what lies in the archive."""

    def __init__(self) -> None:
        self._expected = [orjson.loads(line) for line in records.lines()]
        self._next: int | None = None

    def begin_again(self) -> None:
        self._next = 0

    def got(self, content: bytes) -> int:
        """Return how many records came; ValueError at the first that is not the next one."""
        page = orjson.loads(content)
        for each in page:
            offset = each["offset"]
            if self._next not in {None, offset}:
                raise ValueError(f"offset {offset} came instead of {self._next}")
            if each["value"] != self._expected[offset % records.DISTINCT]:
                raise ValueError(f"offset {offset} is not what the log holds")
            self._next = offset + 1
        return len(page)
