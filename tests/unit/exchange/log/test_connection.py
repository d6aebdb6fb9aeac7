"""What aiokafka does when a connection ends under its hands, and what we make of it (P4)."""

import asyncio
import time
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from exchange.log import connection as connections
from exchange.log.aiokafka_internals import PAUSE_SECONDS, pause_between_updates
from exchange.log.connection import TOPICS_AT_ONCE, Connection, is_passing


class Answer:
    """An answer to anything, metadata included."""

    topics: tuple[Any, ...] = ()
    brokers: tuple[Any, ...] = ((1, "127.0.0.1", 1, None),)
    error_code = 0
    coordinator_id = 1


class Client:
    """Stands for aiokafka's client, as it was seen to behave."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.closed = False
        self.asked: list[frozenset[str]] = []
        self.answers_after = 0
        self._error = error
        self._answer = Answer()

    async def bootstrap(self) -> None:
        pass

    async def close(self) -> None:
        self.closed = True

    async def send(self, _node: int, _request: object) -> object:
        if self._error is not None:
            raise self._error
        return self._answer

    async def ask_any(self, request: object, **_options: object) -> object:
        return await self.send(1, request)

    async def learn(self, topics: frozenset[str]) -> object:
        await asyncio.sleep(0)
        self.asked.append(frozenset(topics))
        if len(self.asked) <= self.answers_after:
            raise KafkaConnectionError
        return self._answer


def connection(monkeypatch: pytest.MonkeyPatch, made: Client) -> Connection:
    monkeypatch.setattr(connections, "Client", lambda *_arguments: made)
    return Connection("127.0.0.1:1", "test")


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
    opened = connection(monkeypatch, Client(error))
    with pytest.raises(KafkaConnectionError) as caught:
        await opened.send(1, object())
    assert is_passing(caught.value)


async def test_all_who_wait_for_a_lost_broker_share_one_knock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Client()
    made.answers_after = 2
    opened = connection(monkeypatch, made)
    assert all(await asyncio.gather(*(opened.refresh(["topic"]) for _ in range(200))))
    assert len(made.asked) == 3


async def test_whoever_keeps_ids_of_topics_hears_whose_leaders_were_learnt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A topic made anew has the leaders of the old one looked for: its id is doubted (B10)."""
    made, doubted = Client(), list[str]()
    made._answer.topics = ((0, "topic-7", False, ()),)
    opened = connection(monkeypatch, made)
    opened.on_learn(doubted.append)
    await opened.refresh(["topic-7"])
    assert doubted == ["topic-7"]


async def test_a_refresh_asks_for_the_topics_that_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One partition in trouble once asked for all ten thousand topics, twenty times a second."""
    made = Client()
    opened = connection(monkeypatch, made)
    opened._leaders = {(f"topic-{number}", 0): 1 for number in range(10_000)}
    await opened.refresh(["topic-7"])
    assert made.asked == [frozenset({"topic-7"})]
    made.asked.clear()
    await opened.refresh()
    assert max(map(len, made.asked)) == TOPICS_AT_ONCE
    assert frozenset().union(*made.asked) == {f"topic-{number}" for number in range(10_000)}


async def test_who_asks_while_a_request_is_under_way_is_served_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the one under way answers may have been true before the asker's trouble began."""
    made = Client()
    opened = connection(monkeypatch, made)
    begun, learn = asyncio.Event(), made.learn

    async def told(topics: frozenset[str]) -> object:
        begun.set()
        return await learn(topics)

    monkeypatch.setattr(made, "learn", told)
    first = asyncio.create_task(opened.refresh(["topic"]))
    await begun.wait()
    await asyncio.gather(first, opened.refresh(["topic"]))
    assert len(made.asked) == 2


async def test_a_broker_that_stays_away_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "REFRESH_SECONDS", 0.2)
    made = Client()
    made.answers_after = 10**6
    opened = connection(monkeypatch, made)
    async with asyncio.timeout(5):
        assert not await opened.refresh(["topic"])
    assert 2 <= len(made.asked) < 10


async def test_a_refresh_that_is_never_answered_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waited on a task of aiokafka's, and for ever once that had died."""
    monkeypatch.setattr(connections, "REFRESH_SECONDS", 0.1)
    made = Client()

    async def hang(_topics: frozenset[str]) -> object:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    monkeypatch.setattr(made, "learn", hang)
    opened = connection(monkeypatch, made)
    async with asyncio.timeout(5):
        assert not await opened.refresh(["topic"])


async def test_a_producer_without_a_broker_does_not_ask_hundreds_of_times_a_second() -> None:
    lonely = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
    pause_between_updates(lonely)
    began = time.monotonic()
    assert not await lonely._metadata_update(lonely.cluster, set())
    assert time.monotonic() - began >= PAUSE_SECONDS
    await lonely.close()
