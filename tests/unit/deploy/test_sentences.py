"""`make status` tells in sentences what `/v1/status` knows."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.overview import Overview, Stored
from deploy.local.sentences import Sentence, sentences
from exchange.backlog import Backlog
from exchange.delivery.push.standing import Pushing
from exchange.latest.standing import Folding
from exchange.log.census import Census
from kernel.jobs import OpenJobs
from kernel.tables import ProcessRow

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
WELL = Census(brokers=3, partitions=40, without_leader=0, named=())


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUYUAN_LANG", "en")


def test_a_platform_that_is_well_has_nothing_wrong() -> None:
    told = _told(Overview(_stored(_process("gateway"), _process("worker")), WELL))
    assert _wrong(told) == []
    assert "1 gateway and 1 background processes tell of themselves; generation 7" in _texts(told)
    assert "latest state: 5 partitions, the slowest 1.5 s behind" in _texts(told)
    assert "3 Kafka brokers, 40 partitions" in _texts(told)
    assert "nothing is beyond its legal day" in _texts(told)


def test_what_is_wrong_is_told_first() -> None:
    waiting = Backlog(
        overdue={"C3": 2, "C6": 0},
        folding=Folding(5, 2, 80.0),
        pushing=Pushing(4, 1, 3, 90.0),
    )
    lost = _process("worker", seconds_ago=45, pid=9)
    sick = _process("gateway", dead_loops={"tail": "KeyError"}, warnings=["the disk is full"])
    told = _told(Overview(_stored(sick, lost, waiting=waiting), Census(3, 40, 1, ("sy.a-0",))))
    assert [sentence.wrong for sentence in told] == sorted(
        (sentence.wrong for sentence in told), reverse=True
    )
    assert set(_wrong(told)) == {
        "no background process: deadlines, pushes, latest states and messages stand still",
        "worker node/9 did not end as it should and was last heard of 45 s ago",
        "the loop tail of gateway node/1 has died: KeyError",
        "gateway node/1: the disk is full",
        "nobody keeps the latest state of 2 partitions",
        "pushes: 4 endpoints active, 1 paused; 3 batches not taken, for 90 s",
        "beyond their legal day: C3 2",
        "1 partitions have no leader: sy.a-0",
    }


def test_servers_that_do_not_answer_are_told() -> None:
    told = _told(Overview(None, None))
    assert _wrong(told) == ["the database does not answer", "no Kafka broker answers"]


def test_it_is_told_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHUYUAN_LANG")
    assert _wrong(_told(Overview(None, WELL))) == ["数据库没有应答"]


def _told(seen: Overview) -> list[Sentence]:
    return sentences(seen)


def _texts(told: list[Sentence]) -> list[str]:
    return [sentence.text for sentence in told]


def _wrong(told: list[Sentence]) -> list[str]:
    return [sentence.text for sentence in told if sentence.wrong]


def _stored(*processes: ProcessRow, waiting: Backlog | None = None) -> Stored:
    usual = Backlog(overdue={"C3": 0}, folding=Folding(5, 0, 1.5), jobs=OpenJobs(1, 2, 0.0))
    return Stored(NOW, processes, waiting or usual, 7)


def _process(kind: str, *, seconds_ago: float = 1, pid: int = 1, **told: object) -> ProcessRow:
    seen_at = NOW - timedelta(seconds=seconds_ago)
    return ProcessRow(
        id=f"{kind}{pid}",
        kind=kind,
        node="node",
        pid=pid,
        version="0.1.0",
        started_at=NOW,
        seen_at=seen_at,
        told=told,
    )
