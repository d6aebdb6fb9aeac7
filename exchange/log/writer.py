"""Who writes to the log: one numbered writer per worker life, that can be fenced when dead.

Record batches are idempotent, not transactional, yet their producer id comes from a transactional
id of the writer's own. So when a writer has died with a request on the wire, whoever settles its
publishes takes the id over and lets the coordinator write an abort marker with the next epoch
into the partition. From that marker on the partition's leader refuses whatever of the dead
writer's may still arrive: the log before the marker is then all there ever will be (P4, P5).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import (
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    ProducerFenced,
    for_code,
)
from aiokafka.protocol.transaction import (
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
)

from exchange.log.connection import Answer, Connection, patiently
from exchange.log.errors import BrokerUnavailable

TRANSACTION_COORDINATOR = 1
TRANSACTION_TIMEOUT_MS = 10_000
FENCE_SECONDS = 15.0
FENCE_TRIES = 20
BUSY_SECONDS = 0.02


OVERTAKEN = (InvalidProducerEpoch, ProducerFenced, InvalidTxnState, InvalidProducerIdMapping)


class OvertakenError(Exception):
    """Somebody else has taken the same transactional id meanwhile."""


@dataclass(frozen=True, slots=True)
class Producer:
    """A producer id and epoch; an older epoch of the same id is refused."""

    id: int
    epoch: int


def transactional_id(life: int) -> str:
    return f"shuyuan-writer-{life}"


class Writers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def enter(self, name: str) -> Producer:
        """Take the producer id of a transactional id, with a new epoch; BrokerUnavailable."""
        try:
            return await self._enter(name)
        except OvertakenError as error:
            raise BrokerUnavailable from error

    async def _enter(self, name: str) -> Producer:
        request = InitProducerIdRequest(name, TRANSACTION_TIMEOUT_MS)

        async def attempt() -> Producer:
            answer = await self._ask_coordinator(name, request)
            _raise(answer.error_code)
            return Producer(answer.producer_id, answer.producer_epoch)

        return await self._as_owner(attempt)

    async def fence(self, name: str, topic: str, partitions: list[int]) -> None:
        """Make the partitions refuse everything that this writer may still have on the wire."""
        for _try in range(FENCE_TRIES):
            try:
                producer = await self._enter(name)
                await self._begin(name, producer, topic, partitions)
                await self._abort(name, producer)
            except OvertakenError:
                # Another worker fences the same writer; each needs its own marker to be sure.
                await asyncio.sleep(random.uniform(BUSY_SECONDS, 5 * BUSY_SECONDS))  # noqa: S311
            else:
                return
        raise BrokerUnavailable

    async def _begin(
        self, name: str, producer: Producer, topic: str, partitions: list[int]
    ) -> None:
        request = AddPartitionsToTxnRequest(
            name, producer.id, producer.epoch, [(topic, partitions)]
        )

        async def attempt() -> None:
            answer = await self._ask_coordinator(name, request)
            for _topic, errors in answer.errors:
                for _partition, code in errors:
                    _raise(code)

        await self._as_owner(attempt)

    async def _abort(self, name: str, producer: Producer) -> None:
        request = EndTxnRequest(name, producer.id, producer.epoch, False)  # noqa: FBT003

        async def attempt() -> None:
            answer = await self._ask_coordinator(name, request)
            _raise(answer.error_code)

        await self._as_owner(attempt)
        # The answer comes when the abort is decided; InitProducerId waits until it is written.
        await self._enter(name)

    async def _as_owner(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await patiently(
                attempt, seconds=FENCE_SECONDS, connection=self._connection, through=OVERTAKEN
            )
        except OVERTAKEN as error:
            raise OvertakenError from error

    async def _ask_coordinator(self, name: str, request: object) -> Any:  # noqa: ANN401
        return await self._connection.ask_coordinator(TRANSACTION_COORDINATOR, name, request)


def _raise(code: int) -> None:
    if code:
        raise for_code(code)
