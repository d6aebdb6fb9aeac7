"""Topic ids: Kafka's own name of a topic, which one made anew under the same name does not share.

aiokafka speaks Metadata up to version 5; ids came with 10.
"""

import asyncio
import logging
from collections.abc import Callable
from io import BytesIO
from typing import Final

from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from exchange.log.connection import Connection, patiently
from exchange.log.errors import BrokerUnavailable
from kernel import clock

log = logging.getLogger(__name__)

METADATA, VERSION = 3, 12
ID_BYTES: Final = 16
NOBODYS: Final = bytes(ID_BYTES)
ASK_SECONDS = 10.0
# For so long an id is taken for true while no broker gave cause to doubt it: a worker may so long
# take a topic made anew, which holds more records than the one before, for the one before.
FRESH_SECONDS = 5.0
# Afterwards it is asked for: while no broker answers, the old one stands for STALE_SECONDS, and
# nobody waits for the answer longer than PATIENCE_SECONDS.
STALE_SECONDS, PATIENCE_SECONDS = 30.0, 0.25


class _Uuid(AbstractType[bytes]):  # type: ignore[misc] # aiokafka is untyped
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(ID_BYTES)


class TopicIdResponse(Response):  # type: ignore[misc] # aiokafka is untyped
    API_KEY = METADATA
    API_VERSION = VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class TopicIdRequestStruct(RequestStruct):  # type: ignore[misc] # aiokafka is untyped
    FLEXIBLE_VERSION = True
    API_KEY = METADATA
    API_VERSION = VERSION
    RESPONSE_TYPE = TopicIdResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicIdRequest(Request[TopicIdRequestStruct]):  # type: ignore[misc] # aiokafka is untyped
    API_KEY = METADATA

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[TopicIdRequestStruct]) -> TopicIdRequestStruct:
        return request_struct_class([(NOBODYS, self._topic, {})], False, False, {})  # noqa: FBT003


class TopicIds:
    """The ids of topics as they were told last; `on_change` hears of a topic made anew."""

    def __init__(self, connection: Connection, on_change: Callable[[str], None]) -> None:
        self._connection = connection
        self._on_change = on_change
        self._ids: dict[str, bytes] = {}
        self._asked_at: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[bytes]] = {}
        self._doubted: set[str] = set()

    def doubt(self, topic: str) -> None:
        """Ask again before the next answer: its leaders were looked for, as after a deletion."""
        if topic in self._ids:
            self._doubted.add(topic)

    async def get(self, topic: str) -> bytes:
        """Return the topic's id as it was told a moment ago; raises BrokerUnavailable."""
        cached = self._ids.get(topic)
        age = clock.monotonic() - self._asked_at.get(topic, 0.0)
        if cached is not None and age < FRESH_SECONDS and topic not in self._doubted:
            return cached
        asking = self._asking.get(topic)
        if asking is None:
            asking = self._asking[topic] = asyncio.create_task(self._ask(topic))
            asking.add_done_callback(lambda done: self._asked(topic, done))
        if cached is not None and age < STALE_SECONDS:
            await asyncio.wait([asking], timeout=PATIENCE_SECONDS)
            return asking.result() if _succeeded(asking) else cached
        return await asyncio.shield(asking)

    async def _ask(self, topic: str) -> bytes:
        async def attempt() -> bytes:
            answer = await self._connection.ask_leader(topic, 0, TopicIdRequest(topic))
            [(code, _name, topic_id, *_rest)] = answer.topics
            if code:
                raise for_code(code)
            return bytes(topic_id)

        return await patiently(attempt, seconds=ASK_SECONDS, connection=self._connection)

    def _asked(self, topic: str, done: "asyncio.Task[bytes]") -> None:
        self._asking.pop(topic, None)
        if done.cancelled():
            return
        if (error := done.exception()) is not None:
            if not isinstance(error, BrokerUnavailable | KafkaError):
                log.error("topic id of %s: %r", topic, error)
            return
        self._doubted.discard(topic)
        before, now = self._ids.get(topic), done.result()
        self._ids[topic], self._asked_at[topic] = now, clock.monotonic()
        if before is not None and before != now:
            log.error("%s was made anew: its offsets mean other records now", topic)
            self._on_change(topic)


def _succeeded(task: "asyncio.Task[bytes]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
