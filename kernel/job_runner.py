"""What a worker process does about jobs: takes some at once, keeps their leases, ends them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Any, Final

from kernel import clock, jobs
from kernel.blobs import Blobs
from kernel.database import Database, is_passing
from kernel.errors import ShuyuanError, Unavailable
from kernel.jobs import GivenUp, Handler, LeaseLost, Run, Status
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from kernel.tables import JobRow
from kernel.tasks import cancelled

log = logging.getLogger(__name__)

GROUP: Final = "shuyuan.jobs"
POLL_SECONDS: Final = 0.5
RENEW_SECONDS: Final = jobs.LEASE_SECONDS / 4
PUT_BACK_SECONDS: Final = 5.0


class Broken(ShuyuanError):
    """A handler met what nobody had thought of; the worker's log has the rest."""

    category = Unavailable.category
    code = "internal_error"
    title = Unavailable.title


class Handlers:
    """The handlers that packages register by the entry points of pyproject.toml, by kind."""

    def __init__(self, handlers: Mapping[str, Handler] | None = None) -> None:
        self._loaded: dict[str, Handler] = dict(handlers or {})
        self._points = {} if handlers else {point.name: point for point in _points()}
        self.kinds = frozenset((*self._loaded, *self._points))

    async def of(self, kind: str) -> Handler:
        """Return the handler; its package is imported beside the loop when it is first needed."""
        if kind not in self._loaded:
            self._loaded[kind] = await asyncio.to_thread(self._points[kind].load)
        return self._loaded[kind]


def _points() -> Any:  # noqa: ANN401 - importlib's own
    return entry_points(group=GROUP)


class Runner:
    """Runs at most `at_once` jobs side by side; `require` raises Unavailable to begin none."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: Settings,
        handlers: Handlers,
        require: Callable[[], None],
    ) -> None:
        self._database, self._blobs, self._settings = database, blobs, settings
        self._handlers = handlers
        self._require = require
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, open_box: Callable[[], Coroutine[Any, Any, Secretbox]]) -> None:
        """Take jobs for ever; those under way are put back when this is cancelled."""
        box = await open_box()
        try:
            while True:
                await self._patiently(lambda: self._fill(box))
                await self._rest()
        finally:
            await cancelled(self._running)

    async def _rest(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=POLL_SECONDS)
        else:
            await asyncio.sleep(POLL_SECONDS)
        ended = {task for task in self._running if task.done()}
        self._running -= ended
        for task in ended:
            task.result()

    async def _patiently(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
        while True:
            try:
                return await work()
            except Exception as error:
                if not (isinstance(error, Unavailable) or is_passing(error)):
                    raise
                log.warning("jobs wait: %r", error)
                await asyncio.sleep(PUT_BACK_SECONDS)

    async def _fill(self, box: Secretbox) -> None:
        self._require()
        while len(self._running) < self._settings.jobs_at_once:
            async with self._database.transaction() as session:
                row = await jobs.claim(session, self._handlers.kinds)
            if row is None:
                return
            turn = _Turn(self._database, Run(row, self._database, self._blobs, box, self._settings))
            self._running.add(asyncio.create_task(turn.take(self._handlers), name=row.kind))


class _Turn:
    """One worker's turn at one job."""

    def __init__(self, database: Database, run: Run) -> None:
        self._database = database
        self._run = run
        self._row: JobRow = run.row
        self._cancelling = self._row.cancelling

    async def take(self, handlers: Handlers) -> None:
        """Do the job as far as can be; whatever happens to it, this returns."""
        if self._cancelling:
            await self._end(Status.CANCELLED)
            return
        if self._row.attempts > jobs.DEATHS_MAX:
            await self._fail(GivenUp())
            return
        work = asyncio.create_task(self._work(handlers), name=self._row.id)
        keeping = asyncio.create_task(self._keep(work))
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            await cancelled([work])
            await self._put_back(0.0)
            raise
        finally:
            await cancelled([keeping])
        await self._settle(work)

    async def _work(self, handlers: Handlers) -> None:
        handler = await handlers.of(self._row.kind)
        await handler(self._run)

    async def _keep(self, work: asyncio.Task[None]) -> None:
        """Renew the lease until the work ends, and end the work when the lease is gone."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                async with self._database.transaction() as session:
                    cancelling = await jobs.renew(session, self._row)
            except Exception as error:
                if not is_passing(error):
                    raise
                continue
            if cancelling is None or cancelling:
                self._cancelling = bool(cancelling)
                work.cancel()
                return

    async def _settle(self, work: asyncio.Task[None]) -> None:
        if work.cancelled():
            if self._cancelling:
                await self._end(Status.CANCELLED)
            return
        error = work.exception()
        if error is None or isinstance(error, LeaseLost):
            # A handler that has nothing to show has not ended its job.
            await self._end(Status.DONE)
        elif isinstance(error, Unavailable) or is_passing(error):
            await self._wait_or_give_up(error)
        elif isinstance(error, ShuyuanError):
            await self._fail(error)
        else:
            log.error("job %s (%s) broke", self._row.id, self._row.kind, exc_info=error)
            await self._fail(Broken())

    async def _wait_or_give_up(self, error: BaseException) -> None:
        log.warning("job %s waits: %r", self._row.id, error)
        if clock.now() - self._row.created_at > timedelta(hours=jobs.PATIENCE_HOURS):
            await self._fail(GivenUp())
        else:
            await self._put_back(PUT_BACK_SECONDS)

    async def _fail(self, error: ShuyuanError) -> None:
        await self._end(Status.FAILED, problem=jobs.problem_of(error))

    async def _end(self, status: Status, **facts: Any) -> None:  # noqa: ANN401
        await self._write(lambda session: jobs.end(session, self._row, status, **facts))

    async def _put_back(self, seconds: float) -> None:
        await self._write(lambda session: jobs.put_back(session, self._row, seconds=seconds))

    async def _write(self, change: Callable[[Any], Coroutine[Any, Any, bool]]) -> None:
        """Write how it went; where that fails the lease runs out, and it is done again."""
        try:
            async with self._database.transaction() as session:
                await change(session)
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("how job %s went is not known: %r", self._row.id, error)
