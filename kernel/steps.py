"""Measures single steps of the event loop in CPU time of its thread, and tells the long ones (P11).

A step is what runs between two looks at the sockets: one callback, one resumption of a task, one
delivery of bytes to a protocol. Nobody else on the loop is served meanwhile. Without
SHUYUAN_STEP_LOG_MS the loops are the plain ones and a step costs nothing more.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import Context
from functools import partial
from pathlib import Path
from time import thread_time_ns
from types import CodeType
from typing import Any, Final

import uvloop

from kernel.settings import load

log = logging.getLogger(__name__)

ROOT: Final = str(Path(__file__).parents[1]) + "/"
NANOSECONDS_PER_MS: Final = 1_000_000
DEPTH_MAX: Final = 64
PROTOCOL_CALLS: Final = ("data_received", "buffer_updated", "connection_made", "resume_writing")
TOLD: Final = "step of %.1f ms: %s"
COLLECTED: Final = "%s, of which the garbage collector took %.1f ms"

Callback = Callable[..., object]


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop of uvloop, measured where the settings ask for it; uvicorn calls this."""
    least_ms = load().step_log_ms
    return MeteredUvloop(StepMeter(least_ms)) if least_ms else uvloop.new_event_loop()


def new_selector_loop() -> asyncio.AbstractEventLoop:
    """Return a loop of asyncio, measured where the settings ask for it."""
    least_ms = load().step_log_ms
    return MeteredSelector(StepMeter(least_ms)) if least_ms else asyncio.SelectorEventLoop()


class StepMeter:
    """Runs the steps of one loop; logs those of `least_ms` and more, and remembers the longest."""

    def __init__(self, least_ms: float) -> None:
        self._least_ns = int(least_ms * NANOSECONDS_PER_MS)
        self._collections = _Collections()
        self.longest_ms = 0.0

    def run(self, callback: Callback, *args: object) -> None:
        began, collected = thread_time_ns(), self._collections.spent_ns
        try:
            callback(*args)
        finally:
            spent = thread_time_ns() - began
            if spent >= self._least_ns:
                self._tell(spent, self._collections.spent_ns - collected, callback)

    def _tell(self, spent: int, collected: int, callback: Callback) -> None:
        ms, what = spent / NANOSECONDS_PER_MS, described(callback)
        if 2 * collected > spent:
            # The step is the one that happened to need an object, and not to blame.
            what = COLLECTED % (what, collected / NANOSECONDS_PER_MS)
        self.longest_ms = max(self.longest_ms, ms)
        log.warning(TOLD, ms, what)

    def watch(self, make: Callable[[], Any]) -> Callable[[], Any]:
        """Return a factory of protocols whose calls by the loop are steps."""

        def metered() -> Any:  # noqa: ANN401 - protocols of any library
            protocol = make()
            for name in PROTOCOL_CALLS:
                if hasattr(protocol, name):
                    with suppress(AttributeError):  # one that takes no attributes goes unmeasured
                        setattr(protocol, name, partial(self.run, getattr(protocol, name)))
            return protocol

        return metered


class _Collections:
    """What the garbage collector takes of this process, in the CPU time of whom it meets."""

    def __init__(self) -> None:
        self.spent_ns = self._began = 0
        gc.callbacks.append(self._called)

    def _called(self, phase: str, _told: Mapping[str, int]) -> None:
        if phase == "start":
            self._began = thread_time_ns()
        else:
            self.spent_ns += thread_time_ns() - self._began


def described(callback: Callback) -> str:
    """Say what ran: a callback's name, or a task's coroutine and where it is suspended now."""
    while isinstance(callback, partial):
        callback = callback.func
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return _of_task(owner)
    name = getattr(callback, "__qualname__", None) or repr(callback)
    code = getattr(getattr(callback, "__func__", callback), "__code__", None)
    return f"{name} ({_place(code, code.co_firstlineno)})" if isinstance(code, CodeType) else name


def _of_task(task: "asyncio.Task[Any]") -> str:
    outer: Any = task.get_coro()
    inner, paused = outer, None
    for _ in range(DEPTH_MAX):
        frame = getattr(inner, "cr_frame", None)
        if frame is not None and (paused is None or _is_ours(frame.f_code)):
            paused = frame
        inner = getattr(inner, "cr_await", None)
        if getattr(inner, "cr_code", None) is None:
            break
    name = getattr(outer, "__qualname__", repr(outer))
    code = getattr(outer, "cr_code", None)
    label = f"{name} ({_place(code, code.co_firstlineno)})" if code is not None else str(name)
    if paused is None:
        return f"{label}, to its end"
    return f"{label}, up to {paused.f_code.co_qualname} ({_place(paused.f_code, paused.f_lineno)})"


def _is_ours(code: CodeType) -> bool:
    """Whether code is of the project: where a library sleeps or waits says little."""
    return code.co_filename.startswith(ROOT) and "site-packages" not in code.co_filename


def _place(code: CodeType, line: int) -> str:
    return f"{code.co_filename.removeprefix(ROOT)}:{line}"


class _Metered(asyncio.AbstractEventLoop):
    """Overrides by which a loop hands every step to its meter."""

    meter: StepMeter

    def _step(self, callback: Callback) -> Callback:
        run = self.meter.run
        if isinstance(callback, partial) and callback.func == run:
            return callback
        return partial(run, callback)

    def call_soon(
        self,
        callback: Callback,
        *args: object,
        context: Context | None = None,
    ) -> asyncio.Handle:
        return super().call_soon(self._step(callback), *args, context=context)

    def call_soon_threadsafe(
        self,
        callback: Callback,
        *args: object,
        context: Context | None = None,
    ) -> asyncio.Handle:
        return super().call_soon_threadsafe(self._step(callback), *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callback,
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return super().call_later(delay, self._step(callback), *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callback,
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return super().call_at(when, self._step(callback), *args, context=context)

    async def create_server(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        metered = self.meter.watch(protocol_factory)
        return await super().create_server(metered, *args, **options)

    async def create_connection(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        metered = self.meter.watch(protocol_factory)
        return await super().create_connection(metered, *args, **options)


class MeteredUvloop(_Metered, uvloop.Loop):  # type: ignore[misc] # its stubs differ
    def __init__(self, meter: StepMeter) -> None:
        self.meter = meter
        super().__init__()


class MeteredSelector(_Metered, asyncio.SelectorEventLoop):
    def __init__(self, meter: StepMeter) -> None:
        self.meter = meter
        super().__init__()
