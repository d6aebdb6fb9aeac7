"""Leaders are learned together and kept: a cold start over thousands of topics asks few times."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from aiokafka.errors import RequestTimedOutError

from exchange.log.aiokafka_internals import Client
from exchange.log.connection import Connection
from exchange.log.topics import Topics
from kernel.ids import new_id


class Counting(Connection):
    """Counts the requests for leaders, and loses the first answers."""

    def __init__(self, bootstrap: str, losses: int = 0) -> None:
        super().__init__(bootstrap, "counting")
        self.asked = 0
        self._losses = losses
        self._watched: Client | None = None

    async def client(self) -> Client:
        opened = await super().client()
        if opened is not self._watched:
            self._watched, learn = opened, opened.learn

            async def counted(topics: Iterable[str]) -> Any:  # noqa: ANN401
                self.asked += 1
                if self._losses:
                    self._losses -= 1
                    raise RequestTimedOutError
                return await learn(topics)

            opened.learn = counted  # type: ignore[method-assign]
        return opened


@pytest.fixture
async def counting(bootstrap: str) -> AsyncIterator[Counting]:
    opened = Counting(bootstrap)
    yield opened
    await opened.close()


@pytest.fixture
async def names(topics: Topics) -> list[str]:
    found = [f"test.{new_id()}" for _ in range(25)]
    for name in found:
        await topics.ensure(name, 2)
    return found


async def test_all_who_ask_at_once_share_a_request_or_two(
    counting: Counting, names: list[str]
) -> None:
    """Each new topic once asked for all that were known before: thousands cost millions."""
    places = [(name, partition) for name in names for partition in range(2)]
    found = await asyncio.gather(*(counting.leader(*place) for place in places))
    assert None not in found
    assert counting.asked <= 2
    assert [counting.known_leader(*place) for place in places] == found
    await counting.leader(*places[0])
    assert counting.asked <= 2


async def test_the_client_beneath_keeps_no_topics(counting: Counting, names: list[str]) -> None:
    await asyncio.gather(*(counting.leader(name, 0) for name in names))
    client = await counting.client()
    assert client.cluster.brokers()
    assert not client.cluster.topics()


async def test_a_refresh_learns_what_is_known_anew_and_forgets_nothing_meanwhile(
    counting: Counting, names: list[str]
) -> None:
    await asyncio.gather(*(counting.leader(name, 0) for name in names))
    before = counting.asked
    counting._leaders[names[0], 0] = 99
    refreshing = asyncio.create_task(counting.refresh())
    assert all(counting.known_leader(name, 0) is not None for name in names)
    await refreshing
    assert counting.known_leader(names[0], 0) == counting.known_leader(names[1], 0) != 99
    assert counting.asked == before + 1


async def test_a_lost_answer_is_asked_for_again(bootstrap: str, names: list[str]) -> None:
    unlucky = Counting(bootstrap, losses=2)
    try:
        assert await asyncio.wait_for(unlucky.leader(names[0], 0), 90) >= 0
    finally:
        await unlucky.close()


async def test_a_topic_that_is_not_there_yet_is_waited_for(
    counting: Counting, topics: Topics
) -> None:
    name = f"test.{new_id()}"
    waiting = asyncio.create_task(counting.leader(name, 0))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await topics.ensure(name, 1)
    assert await asyncio.wait_for(waiting, 90) >= 0
