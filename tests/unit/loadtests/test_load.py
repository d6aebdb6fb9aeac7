"""`make load` loads what a platform is for, unless somebody chooses otherwise (I11)."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loadtests.load import CASES, USUAL_CLASSES, command

ARENA: Any = SimpleNamespace(base_url="http://127.0.0.1:1", folder=Path("/nowhere"))


def test_without_a_choice_it_publishes_and_pulls() -> None:
    """Users of the other stories took all places: nothing was measured."""
    assert set(USUAL_CLASSES) < CASES.keys()
    assert command(ARENA, 1, [])[-len(USUAL_CLASSES) :] == list(USUAL_CLASSES)


@pytest.mark.parametrize("chosen", ["PullTail", "--class-picker"])
def test_a_choice_is_the_only_one(chosen: str) -> None:
    made = command(ARENA, 1, ["--headless", chosen])
    assert [each for each in made if each in CASES] == [chosen] * (chosen in CASES)
