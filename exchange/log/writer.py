"""Who writes to the log: one numbered writer per worker life, that can be fenced when dead.

Record batches are idempotent, not transactional, yet their producer id comes from a transactional
id of the writer's own, by which it can be fenced (exchange/log/fence.py).
"""

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
from aiokafka.protocol.transaction import InitProducerIdRequest

from exchange.log.connection import Answer, Connection, patiently
from exchange.log.errors import BrokerUnavailable

TRANSACTION_COORDINATOR = 1
TRANSACTION_TIMEOUT_MS = 10_000
OWNER_SECONDS = 15.0


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
            return await self.take(name)
        except OvertakenError as error:
            raise BrokerUnavailable from error

    async def take(self, name: str) -> Producer:
        """As `enter`; raises OvertakenError where somebody else takes it at the same time."""
        request = InitProducerIdRequest(name, TRANSACTION_TIMEOUT_MS)

        async def attempt() -> Producer:
            answer = await self.ask_coordinator(name, request)
            raise_code(answer.error_code)
            return Producer(answer.producer_id, answer.producer_epoch)

        return await self.as_owner(attempt)

    async def as_owner(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await patiently(
                attempt, seconds=OWNER_SECONDS, connection=self._connection, through=OVERTAKEN
            )
        except OVERTAKEN as error:
            raise OvertakenError from error

    async def ask_coordinator(self, name: str, request: object) -> Any:  # noqa: ANN401
        return await self._connection.ask_coordinator(TRANSACTION_COORDINATOR, name, request)


def raise_code(code: int) -> None:
    if code:
        raise for_code(code)
