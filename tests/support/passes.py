"""Stories told twice: by a worker that has loaded a compiled pass, and by one that has not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kernel.machine.lazy_compiled import LazyCompiled


def told_twice(*functions: LazyCompiled[Any]) -> Callable[..., Any]:
    """Return a fixture under which every test of a module runs without the pass and with it."""

    @pytest.fixture(autouse=True, scope="module", params=["without the pass", "with the pass"])
    def way(request: pytest.FixtureRequest) -> Iterator[None]:
        if request.param == "with the pass":
            for function in functions:
                function.load()
        yield
        for function in functions:
            function.unload()

    return way


def unloaded_behind(*functions: LazyCompiled[Any]) -> Callable[..., Any]:
    """Return a fixture that leaves a module as it was: without the pass."""

    @pytest.fixture(autouse=True, scope="module")
    def unloaded() -> Iterator[None]:
        yield
        for function in functions:
            function.unload()

    return unloaded
