"""Alarms are found by an index that has their very condition, and each has words for people."""

from importlib import import_module

import pytest

from exchange.alarms.kinds import EVENTS, KIND_OF, Kind, condition
from gateway.console.labels import NAMES


def test_the_index_is_on_what_is_asked_for() -> None:
    """One word more or less, and each list of alarms would read the whole audit log."""
    migration = import_module("deploy.migrations.versions.0068_alarms")
    assert condition() == migration.IS_ALARM


def test_each_kind_has_its_events_its_name_and_its_advice() -> None:
    assert set(EVENTS) == set(Kind)
    assert len(KIND_OF) == sum(len(events) for events in EVENTS.values()), "an event of two kinds"
    assert NAMES["alarm"].keys() == NAMES["alarm_advice"].keys() == set(Kind)


@pytest.mark.parametrize("event", sorted(KIND_OF))
def test_each_event_of_an_alarm_has_its_name(event: str) -> None:
    assert event in NAMES["event"]
