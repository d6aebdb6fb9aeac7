"""Each refusal is a line of the log, with what a person was told to ask about (I8)."""

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from auth.principal import Principal
from gateway import refused
from gateway.refused import STRANGERS_PER_MINUTE
from kernel.errors import NotFound
from kernel.logging import JsonFormatter, correlation_id

PATH = "/v1/subscriptions/s/records"


class Kept:
    """Stands for the worker's refusals, which admit this many."""

    def __init__(self, most: int) -> None:
        self.refusals = self
        self._most = most

    def note(self, _refusal: object) -> bool:
        self._most -= 1
        return self._most >= 0


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(JsonFormatter().format(record)) for record in caplog.records]


def note(keeping: Any, principal: Principal | None) -> None:  # noqa: ANN401
    refused.note(keeping, principal, NotFound(), 404, method="GET", path=PATH, source="192.0.2.1")


def test_the_line_of_a_refusal_has_its_correlation_id(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People were told to name it, and it stood in no log."""
    monkeypatch.setattr(refused, "STRANGERS", refused._PerMinute(STRANGERS_PER_MINUTE))
    caller = Principal(
        "person", "p1", "11450000MB0000019D", "450000", False, frozenset(), frozenset(), "t", 0.0
    )
    correlation_id.set("told-to-the-caller")
    with caplog.at_level(logging.INFO, "gateway.refused"):
        note(None, None)
        note(Kept(1), caller)
    stranger, known = lines(caplog)
    assert {line["correlation_id"] for line in (stranger, known)} == {"told-to-the-caller"}
    assert f"refused 404 not_found GET {PATH} from 192.0.2.1" in stranger["message"]
    assert "to person p1 of 11450000MB0000019D" in known["message"]


def test_a_flood_of_refusals_is_no_flood_of_lines(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "STRANGERS", refused._PerMinute(STRANGERS_PER_MINUTE))
    monkeypatch.setattr(refused, "clock", SimpleNamespace(monotonic=lambda: 60.0))
    with caplog.at_level(logging.INFO, "gateway.refused"):
        for _time in range(STRANGERS_PER_MINUTE + 7):
            note(None, None)
        assert len(caplog.records) == STRANGERS_PER_MINUTE
        monkeypatch.setattr(refused, "clock", SimpleNamespace(monotonic=lambda: 120.0))
        note(None, None)
    assert "not_found to 7 more unknown callers" in caplog.records[-2].getMessage()
