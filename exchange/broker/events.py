"""The topic of the platform's own messages, for whoever listens (docs/topics.md)."""

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from exchange.broker.errors import BrokerUnavailable
from exchange.broker.topics import EVENTS_TOPIC, Topics


class EventLog:
    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._producer: AIOKafkaProducer | None = None

    async def append(self, messages: Sequence[tuple[bytes, bytes]]) -> None:
        """Store keys and values in order, acknowledged by all replicas; BrokerUnavailable."""
        producer = await self._open()
        try:
            sent = [await producer.send(EVENTS_TOPIC, value, key=key) for key, value in messages]
            for future in sent:
                await future
        except KafkaError as error:
            raise BrokerUnavailable from error

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            await self._topics.ensure(EVENTS_TOPIC, 1)
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True
            )
            try:
                await producer.start()
            except (KafkaError, OSError) as error:
                await producer.stop()
                raise BrokerUnavailable from error
            self._producer = producer
        return self._producer

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None
