"""The command line calls things as the console does, in both languages."""

import re
from functools import cache

import pytest

from gateway.console.labels import NAMES
from gateway.console.messages import catalogue
from shuyuan_client.cli import words
from shuyuan_client.cli.applications import Status
from shuyuan_client.cli.applying import Mode
from tests.docs.pages import text

KIND = re.compile(r"`([a-z]+\.[a-z-]+)`")


english_of = cache(catalogue)


def of_console(kind: str, code: str) -> tuple[str, str]:
    chinese = NAMES[kind][code]
    english = english_of()[chinese].string
    return chinese, str(english)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (words.SHARE_TYPES, "share_type"),
        (words.MODES, "mode"),
        (words.APPLICATIONS, "application"),
        (words.ACTIONS, "application_action"),
        (words.ROLES, "role"),
        (words.CHECKS, "check"),
    ],
)
def test_a_code_has_the_word_of_the_console(told: words.Words, kind: str) -> None:
    assert told == {code: of_console(kind, code) for code in NAMES[kind]}


def test_options_take_every_code_that_has_a_word() -> None:
    assert {*Status} == {*words.APPLICATIONS}
    assert {*Mode} == {*words.MODES}


def test_every_task_has_the_word_of_the_console() -> None:
    [told] = [line for line in text("api.md").splitlines() if line.startswith("`GET /v1/me/tasks")]
    kinds = set(KIND.findall(told)) - {"thing.action"}
    kinds |= {f"dispute.{action}" for action in NAMES["dispute_action"]}
    assert {kind: of_console(*_place(kind)) for kind in kinds} == words.TASKS
    things = {kind.partition(".")[0] for kind in kinds}
    assert things <= words.THINGS.keys()
    assert {code: of_console("thing", code) for code in words.THINGS} == words.THINGS


def _place(task: str) -> tuple[str, str]:
    thing, _, action = task.partition(".")
    return ("decision" if thing == "source" else f"{thing}_action"), action
