"""What an operator is told of the running platform: each fault comes with what to do."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.api.status import StatusView
from gateway.diagnosis import running
from gateway.diagnosis.findings import Finding, Verdict

NOW = "2027-03-04T10:00:00+08:00"
DEAD = {"dead_loops": {"relay": "KeyError"}}
AHEAD = {"clock_ahead_seconds": -12.5, "warnings": ["the clock of this machine is -12.5 s off"]}


def process(kind: str, **changes: object) -> dict[str, Any]:
    return {
        "kind": kind, "node": "n1", "pid": 7, "version": "0.1.0", "started_at": NOW, "seen_at": NOW,
        "missed": False,
        "told": {"dead_loops": [], "warnings": [], "clock_ahead_seconds": 0.012},
    } | changes  # fmt: skip


def status(**changes: object) -> StatusView:
    told: dict[str, Any] = {
        "version": "0.1.0", "generation": 1, "at": NOW,
        "processes": [process("gateway"), process("worker")],
        "brokers": {"answers": True, "brokers": 3, "partitions": 12},
        "outbox": {"messages": 0, "oldest_seconds": 0},
        "latest": {"partitions": 1, "unheld": 0, "lag_seconds": 0, "holders": 1},
        "pushes": {"active": 2, "paused": 0, "retrying": 0, "oldest_seconds": 0, "unheld": 0,
                   "holders": 1},
        "jobs": {"queued": 0, "running": 0, "oldest_seconds": 0, "unheld": 0},
        "overdue": {"C3": 2},
    }  # fmt: skip
    parts = {
        name: {**told[name], **value} if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return StatusView.model_validate(told | parts)


def faults(told: StatusView) -> list[Finding]:
    found = list(running.findings(told))
    assert all((each.remedy is None) == (each.verdict is Verdict.GOOD) for each in found)
    return [each for each in found if each.verdict is not Verdict.GOOD]


def sentence(found: Finding) -> str:
    assert found.remedy is not None
    return f"{found.part.zh}{found.told.zh} → {found.remedy.zh}"


def test_a_platform_that_is_well_has_no_fault() -> None:
    assert faults(status()) == []


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"processes": [process("gateway")]}, "没有运行中的后台进程"),
        ({"processes": [process("gateway"), process("worker"), process("worker", missed=True)]},
         "没有音讯"),
        ({"processes": [process("gateway", version="0.0.9"), process("worker")]}, "同一版本"),
        ({"processes": [process("gateway", told=DEAD), process("worker")]},
         "relay: KeyError 已停止"),
        ({"processes": [process("gateway", told={"warnings": ["no home"]}), process("worker")]},
         "no home"),
        ({"processes": [process("gateway", told=AHEAD), process("worker")]},
         "时钟 n1/7与数据库相差 -12.5 秒"),
        ({"brokers": {"answers": False}}, "SHUYUAN_KAFKA_BOOTSTRAP"),
        ({"brokers": {"without_leader": 1, "named": ["r.x 0"]}}, "r.x 0"),
        ({"brokers": {"warnings": ["retention"]}}, "retention"),
        ({"outbox": {"messages": 9, "oldest_seconds": 61}}, "事件外发已等待 61 秒"),
        ({"latest": {"unheld": 1}}, "归并1 项中有 1 项无人承担"),
        ({"jobs": {"queued": 1, "oldest_seconds": 301}}, "任务队列"),
        ({"jobs": {"running": 1, "unheld": 1}}, "运行中的任务1 项中有 1 项无人承担"),
        ({"pushes": {"retrying": 1, "oldest_seconds": 3601}}, "端点"),
        ({"pushes": {"unheld": 2}}, "推送端点2 项中有 2 项无人承担"),
    ],
)  # fmt: skip
def test_each_fault_comes_with_its_remedy(changes: dict[str, Any], part: str) -> None:
    [told] = faults(status(**changes))
    assert part in sentence(told)


def test_a_fault_tells_since_when_where_the_platform_knows() -> None:
    told = status(outbox={"messages": 9, "oldest_seconds": 90})
    [waiting] = faults(told)
    assert waiting.since == told.at - timedelta(seconds=90)
    later = status(outbox={"messages": 12, "oldest_seconds": 95})
    [still] = faults(later)
    assert still.key == waiting.key, "the same trouble, whatever it counts by now"
