"""Whether the database is as new as the log remembers it; asked before anything is served (P12).

A restored older database would let out what was revoked, give event ids and versions twice and
take retries for new. It is served again when an operator has declared the restore.
"""

import asyncio
import logging
from collections.abc import Callable

from exchange.errors import DatabaseRestored
from exchange.log.landmarks import LandmarkLog
from kernel import clock, landmark
from kernel.changes import ChangeFeed
from kernel.database import Database, ReadSession, is_passing
from kernel.errors import Unavailable
from kernel.landmark import Landmark

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
ADVANCE_SECONDS = 10.0
COMPLAIN_SECONDS = 60.0

OpenLog = Callable[[str], LandmarkLog]


class RestoreGuard:
    """One process's knowledge; every reconnection of its change feed puts it in doubt again."""

    def __init__(
        self, database: Database, open_log: OpenLog, changes: ChangeFeed | None = None
    ) -> None:
        self._database = database
        self._open_log = open_log
        self._log: LandmarkLog | None = None
        self._doubted = asyncio.Event()
        self._doubted.set()
        self._decided = asyncio.Event()
        self._complained_at = -COMPLAIN_SECONDS
        self._seen = Landmark(0, 0)
        self.passed = False
        self.restored = False
        if changes is not None:
            changes.on_reset(self.doubt)

    def doubt(self) -> None:
        """Look again before anything else is served."""
        self.passed = False
        self._decided.clear()
        self._doubted.set()

    def require(self) -> None:
        """Raise DatabaseRestored or Unavailable unless database and log were found to agree."""
        if not self.passed:
            self.require_not_restored()
            raise Unavailable(
                "正在核对数据库与日志，请稍后重试",
                "Database and log are being compared; try again",
            )

    def require_not_restored(self) -> None:
        """Raise DatabaseRestored while a restore waits to be declared."""
        if self.restored:
            raise DatabaseRestored

    async def decided(self, within_seconds: float) -> None:
        """Wait for the first finding; a broker that is away is not waited for longer."""
        try:
            async with asyncio.timeout(within_seconds):
                await self._decided.wait()
        except TimeoutError:
            log.warning("database and log could not be compared yet")

    async def confirm(self, session: ReadSession) -> None:
        """Raise Unavailable where the database of this session lies behind what was seen of it."""
        if await landmark.current(session) < self._seen:
            self.doubt()
            raise Unavailable

    async def run(self) -> None:
        """Compare whenever there is doubt, and again until they agree."""
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            if not await self._compared():
                await asyncio.sleep(RETRY_SECONDS)
                self._doubted.set()

    async def advance_for_ever(self) -> None:
        """Keep the landmark moving in database and log; one process of a platform is enough."""
        while True:
            if self.passed:
                await self._patiently()
            await asyncio.sleep(ADVANCE_SECONDS)

    async def close(self) -> None:
        if self._log is not None:
            await self._log.close()

    async def _patiently(self) -> None:
        try:
            async with self._database.transaction() as session:
                await self.confirm(session)
                self._seen = await landmark.advance(session)
            await (await self._landmarks()).append(self._seen)
        except Exception as error:
            if not (isinstance(error, Unavailable) or is_passing(error)):
                raise
            log.warning("the landmark waits: %r", error)

    async def _compared(self) -> bool:
        """Return whether there is nothing left to find out at present."""
        try:
            noted = await (await self._landmarks()).last()
            async with self._database.reading() as session:
                own = await landmark.current(session)
        except Exception as error:
            if not (isinstance(error, Unavailable) or is_passing(error)):
                raise
            return False
        self.restored = noted is not None and own < noted
        self.passed = not self.restored and not self._doubted.is_set()
        self._decided.set()
        if self.restored:
            self._complain(own, noted)
        else:
            self._seen = own
        return not self.restored

    async def _landmarks(self) -> LandmarkLog:
        if self._log is None:
            async with self._database.reading() as session:
                self._log = self._open_log(await landmark.platform(session))
        return self._log

    def _complain(self, own: Landmark, landmark: Landmark | None) -> None:
        if clock.monotonic() - self._complained_at >= COMPLAIN_SECONDS:
            self._complained_at = clock.monotonic()
            log.critical(
                "nothing is served: the database (%s) lies behind the log (%s); it was restored."
                " Follow docs/how-to/back-up-and-restore.md, then `shuyuan restored`",
                own,
                landmark,
            )
