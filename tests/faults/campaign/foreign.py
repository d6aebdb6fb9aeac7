"""Records that others write into the topics, past the platform: they harm nobody (P12)."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

from aiokafka import AIOKafkaProducer

from tests.faults.campaign.publishing import Desk
from tests.faults.campaign.reading import FOREIGN, Resource
from tests.faults.campaign.scene import Scene
from tests.faults.campaign.wire import Line, Lost

Headers = Sequence[tuple[str, bytes]]

MARK = (FOREIGN, b"1")
VALUES: Sequence[bytes | None] = (
    b'{"a":', b"\xff\xfe", b"[1,2]", b"17", b"", None, b'{\n "id": "1"\n}', b"{}\n{}",
)  # fmt: skip
KEYS: Sequence[bytes | None] = (b"\xff\xfe", b"", None, b"foreign")
HEADERS: Sequence[Headers] = (
    (),
    (("exchange-version", b"abc"), ("exchange-count", b"1")),
    (("exchange-version", b"1"), ("exchange-count", b"\xff\xfe")),
    (("exchange-version", b"-1"), ("exchange-digest", b"zz"), ("exchange-intent", b"\xff")),
)
# What claims to be a batch of the platform's.
CLAIMING: Sequence[Headers] = (
    (("exchange-version", b"99"), ("exchange-count", b"1"), ("exchange-digest", b"zz")),
    (("exchange-version", b"1"), ("exchange-count", b"1"), ("exchange-client", b"\xff\xfe")),
)
COMPRESSIONS = (None, "gzip", "zstd")
LOOKS = 6
LOOK_SECONDS = 0.5


class Foreign:
    def __init__(self, desk: Desk, chance: random.Random) -> None:
        self.scene: Scene = desk.scene
        self.watch = desk.watch
        self._desk = desk
        self._chance = chance

    async def write(self, bootstrap: str) -> None:
        """Write some of each kind into the busy topics, and what claims more into its own."""
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, compression_type=self._chance.choice(COMPRESSIONS)
        )
        await producer.start()
        try:
            for resource in (self.scene.narrow, self.scene.wide):
                for headers in HEADERS:
                    await self._send(producer, resource, headers)
            for headers in CLAIMING:
                await self._send(producer, self.scene.strange, headers)
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, resource: Resource, headers: Headers) -> None:
        value = self._chance.choice(VALUES)
        # The producer refuses what has neither.
        keys = KEYS if value is not None else [key for key in KEYS if key is not None]
        await producer.send_and_wait(
            resource.topic,
            value,
            key=self._chance.choice(keys),
            partition=self._chance.randrange(resource.partitions),
            headers=[*headers, MARK],
        )

    async def look(self) -> None:
        """Ask for what nobody can read: no answer is a 500, and none shows any of it."""
        grant = self.scene.grants["strange"]
        line = Line(self._desk.address, self._desk.watch, self.scene.reader, masked=True)
        for wait in range(LOOKS):
            with suppress(Lost):
                answer = await line.ask(
                    "GET", f"/v1/subscriptions/{grant.id}/records?limit=100&wait={wait % 2}"
                )
                if answer.status == 200 and b"\xff" in answer.body:
                    self._desk.watch.accuse(f"a foreign record was shown: {answer.body[:200]!r}")
            await asyncio.sleep(LOOK_SECONDS)
        line.drop()
