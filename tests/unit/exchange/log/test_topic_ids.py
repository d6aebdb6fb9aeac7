"""How long a topic made anew may be taken for the one before (B10)."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from exchange.log import topic_ids
from exchange.log.topic_ids import TopicIds
from kernel import clock

OLD, NEW = b"o" * 16, b"n" * 16
TOPIC = "sy.r1"


class Brokers:
    """Stands for a connection whose brokers know one topic; `hung` ones never answer."""

    def __init__(self) -> None:
        self.id, self.asked, self.hung = OLD, 0, False

    async def ask_leader(self, topic: str, _partition: int, _request: Any) -> Any:  # noqa: ANN401
        self.asked += 1
        if self.hung:
            await asyncio.Event().wait()
        return SimpleNamespace(topics=[(0, topic, self.id)])


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)


@pytest.fixture
def brokers() -> Brokers:
    return Brokers()


@pytest.fixture
def anew() -> list[str]:
    return []


@pytest.fixture
def ids(brokers: Brokers, anew: list[str]) -> TopicIds:
    return TopicIds(brokers, anew.append)  # type: ignore[arg-type]


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(topic_ids, "PATIENCE_SECONDS", 0.05)
    return Clock(monkeypatch)


async def test_an_id_that_is_not_fresh_is_asked_for_before_the_answer(
    ids: TopicIds, brokers: Brokers, anew: list[str], time: Clock
) -> None:
    """The old id was given away once more, for up to thirty seconds."""
    assert await ids.get(TOPIC) == OLD
    brokers.id = NEW
    time.now += topic_ids.FRESH_SECONDS - 0.1
    assert await ids.get(TOPIC) == OLD
    time.now += 0.2
    assert await ids.get(TOPIC) == NEW
    assert anew == [TOPIC]


async def test_a_fresh_id_is_doubted_when_leaders_were_looked_for(
    ids: TopicIds, brokers: Brokers, time: Clock
) -> None:
    assert await ids.get(TOPIC) == OLD
    brokers.id = NEW
    ids.doubt("another")
    assert await ids.get(TOPIC) == OLD
    ids.doubt(TOPIC)
    assert await ids.get(TOPIC) == NEW
    assert (await ids.get(TOPIC), brokers.asked) == (NEW, 2)
    assert time.now == 100.0


async def test_while_no_broker_answers_the_old_id_stands_for_a_while(
    ids: TopicIds, brokers: Brokers, time: Clock
) -> None:
    assert await ids.get(TOPIC) == OLD
    brokers.hung = True
    time.now += topic_ids.FRESH_SECONDS + 0.1
    assert await ids.get(TOPIC) == OLD
    time.now += topic_ids.STALE_SECONDS
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ids.get(TOPIC), 0.05)
