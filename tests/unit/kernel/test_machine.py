"""Compiled functions come when there is work enough, beside the work, or not at all."""

import gc
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernel.machine import __main__ as compiling
from kernel.machine.lazy_compiled import LazyCompiled, Loader

ROOT = Path(__file__).parents[3]


@pytest.fixture
def loader() -> Loader:
    made = Loader()
    made.after = 100
    return made


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module with a function `double`, importable here and by a process of its own."""
    (tmp_path / "doubling.py").write_text("def double(number):\n    return 2 * number\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield "doubling"
    sys.modules.pop("doubling", None)


def settled(loader: Loader) -> None:
    assert loader._thread is not None
    loader._thread.join(30)


def test_little_work_loads_nothing(module: str, loader: Loader) -> None:
    function = LazyCompiled[object](module, "double", loader)
    assert [function.get(33) for _ in range(3)] == [None, None, None]
    assert module not in sys.modules


def test_work_enough_loads_all_beside_the_work(module: str, loader: Loader) -> None:
    one, other = (LazyCompiled[object](module, "double", loader) for _ in range(2))
    assert one.get(60) is None
    assert other.get(40) is None
    settled(loader)
    assert one.get(1) is other.get(1) is sys.modules[module].double


def test_it_is_never_loaded_where_the_limit_is_zero(module: str) -> None:
    loader = Loader()
    assert LazyCompiled[object](module, "double", loader).get(10**9) is None
    assert loader._thread is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nothing_of_this_name", "nothing_of_this_name"),
        ("raise OSError('the cache is read only')", "the cache is read only"),
        ("(", "SyntaxError"),
        ("double = 1/0", "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_compiled_is_told_once_and_done_without(
    text: str,
    told: str,
    module: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    loader: Loader,
) -> None:
    (tmp_path / "doubling.py").write_text(text)
    function = LazyCompiled[object](module, "double", loader)
    with caplog.at_level(logging.WARNING):
        function.get(100)
        settled(loader)
    assert [function.get(100) for _ in range(3)] == [None, None, None]
    assert len(caplog.records) == 1
    assert "not compiled: doubling" in caplog.text
    assert told in caplog.text


def test_every_pass_is_compiled_when_the_project_is_installed() -> None:
    found = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for package in ("catalog", "exchange")
        for path in (ROOT / package).rglob("*.py")
        if "@whole(" in path.read_text(encoding="utf-8")
    }
    assert found == set(compiling.PASSES)


def test_what_was_loaded_was_called_once_and_is_spared_the_collector(
    module: str, loader: Loader
) -> None:
    """A look at the compiler's objects held the loop of a worker for a tenth of a second."""
    called: list[int] = []
    function = LazyCompiled[Callable[[int], int]](
        module, "double", loader, first=lambda double: called.append(double(21))
    )
    before = gc.get_freeze_count()
    try:
        function.get(100)
        settled(loader)
        assert called == [42]
        assert gc.get_freeze_count() > before
        assert gc.isenabled()
    finally:
        gc.unfreeze()
