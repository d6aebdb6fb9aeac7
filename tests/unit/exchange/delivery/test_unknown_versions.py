"""Records of a version that the database does not know: one look, then a refusal and one line."""

import logging
from types import SimpleNamespace
from typing import cast

import pytest

import kernel.clock
from exchange.delivery.errors import UnknownVersion
from exchange.delivery.gathering import PlanOutdatedError
from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.pull import LOOK_AGAIN_SECONDS, UnknownVersions

PLAN = cast(
    "GrantPlan",
    SimpleNamespace(
        grant=SimpleNamespace(resource_id="r"), topic="shuyuan.records.r", versions=frozenset({1})
    ),
)
FOREIGN = PlanOutdatedError({99}, 0, 5)


def test_an_unknown_version_is_looked_up_once_and_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Six pulls once kept two thirds of each core busy, beyond `wait` and after their clients."""
    at = [100.0]
    monkeypatch.setattr(kernel.clock, "monotonic", lambda: at[0])
    unknown = UnknownVersions()
    with caplog.at_level(logging.ERROR):
        unknown.require_first_look(PLAN, FOREIGN)
        for _ in range(6):
            with pytest.raises(UnknownVersion):
                unknown.require_first_look(PLAN, FOREIGN)
    [line] = caplog.messages
    assert "shuyuan.records.r" in line
    assert "[99]" in line
    unknown.require_first_look(PLAN, PlanOutdatedError({100}, 0, 9))
    at[0] += LOOK_AGAIN_SECONDS
    unknown.require_first_look(PLAN, FOREIGN)
