"""Functions that are compiled for this machine, loaded beside the work once there is enough of it.

Loading takes a second or two of a core and 70 MB, compiling some twenty: a process that has little
to do goes without (ADR 0019). What has been compiled is kept (code.py).
"""

import gc
import importlib
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar, cast

log = logging.getLogger(__name__)

Function = TypeVar("Function")

COMPILE_SECONDS = 300


class Loader:
    """Loads all that a process may want at once, because the compiler's own import costs most."""

    def __init__(self) -> None:
        self.after = 0
        """Units of work that go by before, 0 is never."""
        self._asked_for = 0
        self._thread: threading.Thread | None = None
        self._functions: list[LazyCompiled[object]] = []

    def add(self, function: "LazyCompiled[object]") -> None:
        self._functions.append(function)

    def ask(self, units: int) -> None:
        """Count work that could use a function; begin to load when there is enough of it."""
        if not self.after or self._thread is not None:
            return
        self._asked_for += units
        if self._asked_for >= self.after:
            self._thread = threading.Thread(target=self._load, name="compiled", daemon=True)
            self._thread.start()

    def _load(self) -> None:
        modules = ", ".join(function.module for function in self._functions)
        # Compiled by a process of its own: this one's event loop would stand still for seconds.
        command = (sys.executable, "-c", f"import {modules}")
        try:
            subprocess.run(  # noqa: S603 - our own modules, no shell
                command, check=True, timeout=COMPILE_SECONDS, capture_output=True, text=True
            )
            with _uncollected():
                for function in self._functions:
                    function.load()
            log.info("compiled and loaded: %s", modules)
        except subprocess.CalledProcessError as error:
            log.warning("not compiled: %s: %s", modules, error.stderr.strip().splitlines()[-1:])
        except (subprocess.TimeoutExpired, OSError, ImportError) as error:
            log.warning("not compiled: %s: %r", modules, error)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Spare the garbage collector what lives for ever from here on.

    The compiler is a hundred thousand objects: each look at them would hold the event loop, whose
    thread is as likely to meet it as any other, for a tenth of a second.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


LOADER: Final = Loader()


class LazyCompiled(Generic[Function]):
    """A function of a module whose import compiles it, or loads it where it has been compiled."""

    def __init__(
        self,
        module: str,
        name: str,
        loader: Loader = LOADER,
        first: Callable[[Function], object] | None = None,
    ) -> None:
        """`first` calls the function once when it is loaded: the first call of all takes long."""
        self.module, self._name = module, name
        self._first = first
        self._loader = loader
        self._function: Function | None = None
        loader.add(cast("LazyCompiled[object]", self))

    def get(self, units: int) -> Function | None:
        """Return the function once it is there; `units` of work ask for it until then."""
        if self._function is None:
            self._loader.ask(units)
        return self._function

    def load(self) -> Function:
        """Compile or load the function at once."""
        function = cast("Function", getattr(importlib.import_module(self.module), self._name))
        if self._first is not None:
            self._first(function)
        self._function = function
        return function

    def unload(self) -> None:
        """Go on without the function."""
        self._function = None
