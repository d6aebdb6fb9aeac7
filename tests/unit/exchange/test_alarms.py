"""Alarms are found by an index that has their very condition, and each has words for people."""

from datetime import UTC, datetime
from importlib import import_module

import pytest

from exchange.alarms.kinds import EVENTS, KIND_OF, Kind, condition
from exchange.alarms.telling import RAISED, on_duty
from exchange.notices.wording import ALARM, ALARMS
from gateway.console.labels import NAMES
from kernel.tables import AuditRow


def test_the_index_is_on_what_is_asked_for() -> None:
    """One word more or less, and each list of alarms would read the whole audit log."""
    migration = import_module("deploy.migrations.versions.0068_alarms")
    assert condition() == migration.IS_ALARM


def test_each_kind_has_its_events_its_name_and_its_advice() -> None:
    assert set(EVENTS) == set(Kind)
    assert len(KIND_OF) == sum(len(events) for events in EVENTS.values()), "an event of two kinds"
    assert NAMES["alarm"].keys() == NAMES["alarm_advice"].keys() == set(Kind)


def test_a_notice_calls_an_alarm_as_the_console_does() -> None:
    assert {kind: chinese for kind, (chinese, _) in ALARMS.items()} == NAMES["alarm"]
    assert ALARM == RAISED


OFFICES = {"region": "450000", "city": "450100", "other city": "450200"}


@pytest.mark.parametrize(
    ("event", "department", "told"),
    [
        ("verify.guessing_suspected", "clinic", ["city", "clinic", "region"]),
        ("person.access_restored", "clinic", ["city", "region"]),
        ("keys.rotated", None, ["operators", "region"]),
        ("audit.broken", None, ["operators", "region"]),
        # Of nobody's: a name that nobody has.
        ("sign_in.failed", None, ["region"]),
        ("sign_in.failed", "unknown", ["region"]),
    ],
)
def test_who_is_on_duty_is_told(event: str, department: str | None, told: list[str]) -> None:
    row = AuditRow(
        chain=0, seq=1, period=202603, at=datetime(2026, 3, 2, tzinfo=UTC), event=event,
        actor_kind="system", actor_id="s", department=department, subject_type="s",
        subject_id="s", details={}, previous_hash="", hash="",
    )  # fmt: skip
    assert on_duty(row, OFFICES, {"operators": "450000"}, {"clinic": "450102"}) == told


@pytest.mark.parametrize("event", sorted(KIND_OF))
def test_each_event_of_an_alarm_has_its_name(event: str) -> None:
    assert event in NAMES["event"]
