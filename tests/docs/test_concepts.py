"""What the concepts count, list and promise is what the code has."""

import re

import pytest

from auth.principal import Role
from catalog.entries import ShareMode, UpdateCycle
from exchange import modes
from exchange.stewardship.freshness import WITHIN
from exchange.violations.types import RULES
from gateway.console.labels_catalogue import MODES
from kernel.settings import Settings
from tests.docs.pages import quoted, rows, text

BOTH = ("", ".zh-CN")


def concept(name: str, language: str) -> str:
    return text(f"concepts/{name}{language}.md")


@pytest.mark.parametrize(("language", "heading"), [("", "mode"), (".zh-CN", "方式")])
def test_every_mode_is_told(language: str, heading: str) -> None:
    told = rows(concept("modes", language), heading)
    assert {quoted(row[heading]) for row in told} == {str(mode) for mode in ShareMode}
    assert set(modes.SERVED) <= {str(mode) for mode in ShareMode}


def test_modes_are_called_as_the_console_calls_them() -> None:
    for row in rows(concept("modes", ".zh-CN"), "方式"):
        mode = quoted(row["方式"])
        assert row["方式"] == f"`{mode}` {MODES[mode]}"
        assert f"`{mode}` {MODES[mode]}" in text("glossary.md")


@pytest.mark.parametrize("language", BOTH)
def test_every_update_cycle_is_timely_or_has_none(language: str) -> None:
    told = [
        re.findall(r"`(\w+)`", row["`update_cycle`"])
        for row in rows(concept("freshness", language), "`update_cycle`")
    ]
    hourly, cyclic, without = told
    assert {*hourly, *cyclic} == {str(cycle) for cycle in WITHIN}
    assert set(without) == {str(cycle) for cycle in UpdateCycle} - {*hourly, *cyclic}


@pytest.mark.parametrize(("language", "heading"), [("", "clock"), (".zh-CN", "时限")])
def test_clocks_have_the_days_of_the_law(language: str, heading: str) -> None:
    """The defaults of the settings are what the law allows at most."""
    told = {row[heading].split()[0]: row for row in rows(concept("deadlines", language), heading)}
    fields = Settings.model_fields
    days = "days" if language == "" else "工作日"
    for clock, field in {
        "C4": "reply_conditional_days",
        "C5": "extension_days",
        "C6": "delivery_days",
        "C7": "correction_days",
    }.items():
        assert str(fields[field].default) in re.findall(r"\d+", told[clock][days])
    counted = {each for rule in RULES.values() for each in rule.clocks if each.startswith("C")}
    assert counted <= set(told)


@pytest.mark.parametrize(("language", "heading"), [("", "reminded"), (".zh-CN", "提醒")])
def test_whoever_is_reminded_is_a_role(language: str, heading: str) -> None:
    told = rows(concept("deadlines", language), "clock" if language == "" else "时限")
    named = {role for row in told for role in re.findall(r"`(\w+)`", row[heading])}
    assert named <= {str(role) for role in Role}
