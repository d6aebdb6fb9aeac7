"""Any bridge that speaks the Kafka REST v2 API, given by its URL, with the records of everybody.

A bridge speaks to a broker of its own choice. Unless told otherwise that is the benchmark's own,
which then listens on a known port, so that a bridge can be started before it.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import psutil
from aiokafka import AIOKafkaProducer

from deploy.local.ports import HOST
from loadtests import records
from loadtests.kafka_rest import ARCHIVE, FEEDS, JSON_VALUES, PARTITION
from loadtests.readback import ends_of
from loadtests.references import create_topics_of
from loadtests.runs import RunFailed

BROKER_PORT = 29092
PATIENCE_SECONDS = 120.0
ASK_SECONDS, LOOK_SECONDS = 10.0, 0.5
LINGER_MS = 5


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge, the broker behind it and, where it runs on this machine, its first process."""

    name: str
    url: str
    bootstrap: str

    @property
    def families(self) -> Mapping[str, int]:
        pid = _listener(self.url)
        return {"gateway": pid} if pid else {}


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
    await create_topics_of(bootstrap, [*FEEDS, ARCHIVE], 1)
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
