"""Functions that are compiled for this machine, loaded beside the work once there is enough of it.

Loading takes half a second of a core and 70 MB, compiling some twenty: a process that has
little to do goes without (ADR 0019). What has been compiled is kept (code.py).
"""

import importlib
import logging
import subprocess
import sys
import threading
from typing import Generic, TypeVar, cast

log = logging.getLogger(__name__)

Function = TypeVar("Function")

COMPILE_SECONDS = 300


class Limits:
    """What one process may do: units of work that go by before a function is loaded, 0 is never."""

    def __init__(self) -> None:
        self.load_after = 0


LIMITS = Limits()


class Later(Generic[Function]):
    """A function of a module whose import compiles it, or loads it where it has been compiled."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name
        self._asked_for = 0
        self._loading: threading.Thread | None = None
        self._function: Function | None = None

    def get(self, units: int) -> Function | None:
        """Return the function once it is there; `units` of work have asked for it."""
        if self._function is None and self._loading is None and LIMITS.load_after:
            self._asked_for += units
            if self._asked_for >= LIMITS.load_after:
                self._loading = threading.Thread(target=self._load, name=self._name, daemon=True)
                self._loading.start()
        return self._function

    def load(self) -> Function:
        """Compile or load the function at once."""
        self._function = cast(
            "Function", getattr(importlib.import_module(self._module), self._name)
        )
        return self._function

    def unload(self) -> None:
        """Go on without the function."""
        self._function = None

    def _load(self) -> None:
        # Compiled by a process of its own: this one's event loop would stand still for seconds.
        command = (sys.executable, "-c", f"import {self._module}")
        try:
            subprocess.run(  # noqa: S603 - our own module, no shell
                command, check=True, timeout=COMPILE_SECONDS, capture_output=True
            )
            self.load()
            log.info("%s is compiled and loaded", self._module)
        except (subprocess.SubprocessError, OSError, ImportError) as error:
            log.warning("%s stays uncompiled: %r", self._module, error)
