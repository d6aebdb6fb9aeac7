"""`shuyuan doctor` for operators: each fault that the platform tells comes with what to do."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.api.operations import Readiness
from gateway.api.status import StatusView
from shuyuan_client.cli import diagnosis

NOW = "2027-03-04T10:00:00+08:00"
DEAD = {"dead_loops": {"relay": "KeyError"}}


def process(kind: str, **changes: object) -> dict[str, Any]:
    return {
        "kind": kind, "node": "n1", "pid": 7, "version": "0.1.0", "started_at": NOW, "seen_at": NOW,
        "missed": False, "told": {"dead_loops": [], "warnings": []},
    } | changes  # fmt: skip


def status(**changes: object) -> dict[str, Any]:
    """Return an answer of the exchange, as its own model shapes it."""
    told: dict[str, Any] = {
        "version": "0.1.0", "generation": 1, "at": NOW,
        "processes": [process("gateway"), process("worker")],
        "brokers": {"answers": True, "brokers": 3, "partitions": 12},
        "outbox": {"messages": 0, "oldest_seconds": 0},
        "latest": {"partitions": 1, "unheld": 0, "lag_seconds": 0},
        "pushes": {"active": 0, "paused": 0, "retrying": 0, "oldest_seconds": 0},
        "jobs": {"queued": 0, "running": 0, "oldest_seconds": 0},
        "overdue": {"C3": 2},
    }  # fmt: skip
    return StatusView.model_validate(told | changes).model_dump(mode="json")


def faults(told: Mapping[str, Any]) -> list[str]:
    found = diagnosis.operations(dict(told))
    return [f"{each.told} → {each.remedy}" for each in found if each.remedy is not None]


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
        ({"brokers": {"answers": False}}, "SHUYUAN_KAFKA_BOOTSTRAP"),
        ({"brokers": {"answers": True, "without_leader": 1, "named": ["r.x 0"]}}, "r.x 0"),
        ({"brokers": {"answers": True, "warnings": ["retention"]}}, "retention"),
        ({"outbox": {"messages": 9, "oldest_seconds": 61}}, "事件外发已等待 61 秒"),
        ({"latest": {"partitions": 1, "unheld": 1, "lag_seconds": 0}}, "无人归并"),
        ({"jobs": {"queued": 1, "running": 0, "oldest_seconds": 301}}, "任务队列"),
        ({"pushes": {"active": 1, "paused": 0, "retrying": 1, "oldest_seconds": 3601}}, "端点"),
    ],
)  # fmt: skip
def test_each_fault_comes_with_its_remedy(changes: dict[str, Any], part: str) -> None:
    [told] = faults(status(**changes))
    assert part in told


def test_a_node_that_does_not_serve_says_why() -> None:
    told = Readiness(
        status="not_ready", node="ok", database="PostgreSQL does not answer", broker="ok",
        rules="ok", keys="ok", restore="ok", clock="ok", loops={"relay": "KeyError"}, warnings=[],
    )  # fmt: skip
    found = diagnosis.readiness(503, told.model_dump(mode="json"))
    assert "PostgreSQL does not answer" in found.told
    assert "relay" in found.told
