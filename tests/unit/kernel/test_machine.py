"""Compiled functions come when there is work enough, beside the work, or not at all."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.machine import __main__ as compiling
from kernel.machine import later
from kernel.machine.later import Later

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later.LIMITS, "load_after", 100)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module with a function `double`, importable here and by a process of its own."""
    (tmp_path / "doubling.py").write_text("def double(number):\n    return 2 * number\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield "doubling"
    sys.modules.pop("doubling", None)


def settled(function: Later[object]) -> None:
    assert function._loading is not None
    function._loading.join(30)


def test_little_work_loads_nothing(module: str) -> None:
    function = Later[object](module, "double")
    assert [function.get(33) for _ in range(3)] == [None, None, None]
    assert module not in sys.modules


def test_work_enough_loads_it_beside_the_work(module: str) -> None:
    function = Later[object](module, "double")
    assert function.get(100) is None
    settled(function)
    assert function.get(1) is sys.modules[module].double


def test_it_is_never_loaded_where_the_limit_is_zero(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(later.LIMITS, "load_after", 0)
    function = Later[object](module, "double")
    assert function.get(10**9) is None
    assert function._loading is None


@pytest.mark.parametrize(
    "text", ["import nothing_of_this_name", "raise OSError", "(", "double = 1/0"]
)
def test_what_cannot_be_compiled_is_told_once_and_done_without(
    text: str, module: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "doubling.py").write_text(text)
    function = Later[object](module, "double")
    with caplog.at_level(logging.WARNING):
        function.get(100)
        settled(function)
    assert [function.get(100) for _ in range(3)] == [None, None, None]
    assert len(caplog.records) == 1
    assert "doubling stays uncompiled" in caplog.text


def test_every_pass_is_compiled_when_the_project_is_installed() -> None:
    found = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for package in ("catalog", "exchange")
        for path in (ROOT / package).rglob("*.py")
        if "@whole(" in path.read_text(encoding="utf-8")
    }
    assert found == set(compiling.PASSES)
