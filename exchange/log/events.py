"""The topic of the platform's own messages, for whoever listens (docs/topics.md)."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from exchange.log.access import Brokers, access
from exchange.log.aiokafka_internals import pause_between_updates
from exchange.log.errors import BrokerUnavailable
from exchange.log.topics import EVENTS_TOPIC, MESSAGE_MAX_BYTES, Topics


class EventLog:
    def __init__(self, brokers: Brokers, topics: Topics, topic: str | None = None) -> None:
        self._access = access(brokers)
        self._topics = topics
        self._topic = topic or EVENTS_TOPIC
        self._producer: AIOKafkaProducer | None = None

    async def append(self, messages: Sequence[tuple[bytes, bytes]]) -> None:
        """Store keys and values in order, acknowledged by all replicas.

        Raises BrokerUnavailable, and MessageSizeTooLargeError for a message that no waiting helps.
        """
        producer = await self._open()
        try:
            sent = [await producer.send(self._topic, value, key=key) for key, value in messages]
            await asyncio.gather(*sent)
        except MessageSizeTooLargeError:
            raise
        except KafkaError as error:
            # A producer that lost a message may be unable to go on; the next round has a new one.
            await self.close()
            raise BrokerUnavailable from error

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            await self._topics.ensure(self._topic, 1)
            producer = AIOKafkaProducer(
                **self._access.options(),
                acks="all",
                enable_idempotence=True,
                max_request_size=MESSAGE_MAX_BYTES,
            )
            pause_between_updates(producer.client)
            try:
                await producer.start()
            except (KafkaError, OSError) as error:
                await producer.stop()
                raise BrokerUnavailable from error
            self._producer = producer
        return self._producer

    async def close(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()


def read_message(value: bytes | None) -> dict[str, Any]:
    """Return a message of the platform; an empty one for what others wrote beside them (P12)."""
    try:
        payload = json.loads(value or b"{}")
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}
