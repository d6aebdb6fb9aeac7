"""What aiokafka does when a connection ends under its hands, and what we make of it (P4)."""

import asyncio
import time
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from exchange.log import connection as connections
from exchange.log.aiokafka_internals import PAUSE_SECONDS, pause_between_updates
from exchange.log.connection import Connection, is_passing
from exchange.log.errors import BrokerUnavailable


class Cluster:
    def __init__(self, brokers: set[int]) -> None:
        self._brokers = brokers

    def brokers(self) -> set[int]:
        return self._brokers


class Answer:
    """An answer to anything, metadata included."""

    topics: tuple[Any, ...] = ()


class Client:
    """Stands for aiokafka's client, as it was seen to behave."""

    def __init__(self, brokers: set[int], error: BaseException | None = None) -> None:
        self.cluster = Cluster(brokers)
        self.closed = False
        self.updates = 0
        self.known_after = 0
        self._error = error
        self._answer = Answer()
        self._topics: set[str] = set()

    async def bootstrap(self) -> None:
        pass

    async def close(self) -> None:
        self.closed = True

    async def send(self, _node: int, _request: object) -> object:
        if self._error is not None:
            raise self._error
        return self._answer

    async def coordinator_lookup(self, _kind: int, _name: str) -> int:
        if not self.cluster.brokers():
            raise AssertionError("Did we not perform bootstrap?")
        return 1

    async def _metadata_update(self) -> bool:
        return False

    def get_random_node(self) -> int | None:
        return next(iter(self.cluster.brokers()), None)

    async def force_metadata_update(self) -> bool:
        await asyncio.sleep(0)
        self.updates += 1
        return self.updates > self.known_after


def connection(monkeypatch: pytest.MonkeyPatch, made: Client) -> Connection:
    def make(**_options: Any) -> Client:  # noqa: ANN401
        return made

    monkeypatch.setattr(connections, "AIOKafkaClient", make)
    return Connection("127.0.0.1:1", "test")


async def test_a_broker_that_names_no_broker_is_not_there_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client of such an answer never learned of a broker again, and every publish was a 500."""
    fenced = Client(set())
    opened = connection(monkeypatch, fenced)
    with pytest.raises(BrokerUnavailable):
        await opened.client()
    assert fenced.closed
    awake = Client({1})
    monkeypatch.setattr(connections, "AIOKafkaClient", lambda **_options: awake)
    assert isinstance(await opened.send(1, object()), Answer)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("unable to perform operation on <TCPTransport closed=True>"),
        KeyError((1, 0)),
        AssertionError("Did we not perform bootstrap?"),
    ],
)
async def test_a_connection_that_ends_under_a_request_is_a_lost_one(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whoever did not expect these ended with a 500, or ended the loop that serves everybody."""
    opened = connection(monkeypatch, Client({1}, error))
    with pytest.raises(KafkaConnectionError) as caught:
        await opened.send(1, object())
    assert is_passing(caught.value)


async def test_a_cluster_that_lost_its_brokers_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Client({1})
    opened = connection(monkeypatch, made)
    assert isinstance(await opened.ask_coordinator(1, "writer", object()), Answer)
    made.cluster = Cluster(set())
    with pytest.raises(KafkaConnectionError):
        await opened.ask_coordinator(1, "writer", object())


async def test_all_who_wait_for_a_lost_broker_share_one_knock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Client({1})
    made.known_after = 2
    opened = connection(monkeypatch, made)
    await asyncio.gather(*(opened.refresh() for _ in range(200)))
    assert made.updates == 3


async def test_a_broker_that_stays_away_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "REFRESH_SECONDS", 0.2)
    made = Client({1})
    made.known_after = 10**6
    opened = connection(monkeypatch, made)
    async with asyncio.timeout(2):
        await opened.refresh()
    assert 2 <= made.updates < 10


async def test_a_client_without_a_broker_does_not_ask_hundreds_of_times_a_second() -> None:
    lonely = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
    pause_between_updates(lonely)
    began = time.monotonic()
    assert not await lonely._metadata_update(lonely.cluster, set())
    assert time.monotonic() - began >= PAUSE_SECONDS
    await lonely.close()
