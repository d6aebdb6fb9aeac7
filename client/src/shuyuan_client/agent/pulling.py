"""A subscription into a table: rows and cursor in one transaction of the target."""

from collections.abc import Callable

from shuyuan_client.agent.config import Pull
from shuyuan_client.agent.databases import Database, DatabaseRefused, make_table, require_columns
from shuyuan_client.agent.landing import Landed, Target
from shuyuan_client.agent.state import Position, State
from shuyuan_client.failures import Failure
from shuyuan_client.http import ExchangeClient
from shuyuan_client.models import Line, Page
from shuyuan_client.refusals import CursorExpired, GenerationChanged

TRIED = 20


class PullJob:
    """One `[[pull]]`; `step` takes the next page."""

    def __init__(
        self,
        settings: Pull,
        client: ExchangeClient,
        database: Database,
        state: State,
        target: Callable[[], Target],
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self._client = client
        self._database = database
        self._state = state
        self._make_target = target
        self._target: Target | None = None

    @property
    def target(self) -> Target:
        """The table, with its columns by item; they are asked for once."""
        if self._target is None:
            self._target = self._make_target()
        return self._target

    @property
    def seen(self) -> str:
        """The table that notes which keys came during a resync."""
        return self._state.name(f"seen_{self.name}")

    def step(self) -> bool:
        """Take a page; whether more can be taken at once. Raises Failure."""
        before = self._state.position(self.name, self.settings.subscription)
        if before.position is None:
            before = self._begin(before)
        try:
            page = self._page(before)
        except CursorExpired as expired:
            self._begin_resync(before, expired.lost)
            return True
        except GenerationChanged as changed:
            self._state.move(before.moved(position=changed.cursor))
            return True
        goes_on = bool(page.lines or page.lag)
        if page.lines or page.next_cursor != before.position:
            self._land(before, page)
        if not goes_on and before.phase == "resync":
            self._end_resync()
        return goes_on

    def report(self) -> None:
        """Tell the exchange how far the table has come, so that both sides see its lag."""
        position = self._state.position(self.name, self.settings.subscription).position
        if position is not None:
            self._client.commit(self.settings.subscription, position)

    def preview(self) -> Landed:
        """Return what the next page would do, and do nothing. Raises Failure."""
        lines = self.lines(self.settings.batch)
        self.target.trial(lines)
        last = {line.key: line.op for line in lines}
        deletes = sum(op == "delete" for op in last.values())
        return Landed(len(last) - deletes, deletes)

    def lines(self, limit: int = TRIED) -> list[Line]:
        """Return the next records, without any position being moved. Raises Failure."""
        known = self._database.columns(self._state.name("jobs"))
        before = self._state.read(self.name, self.settings.subscription) if known else None
        cursor = before.position if before else None
        if cursor is None:
            cursor = self._client.rewind(self.settings.subscription, self.settings.start)
        try:
            return self._client.page(self.settings.subscription, cursor, limit=limit).records()
        except CursorExpired:
            cursor = self._client.rewind(self.settings.subscription, "earliest")
        except GenerationChanged as changed:
            cursor = changed.cursor
        return self._client.page(self.settings.subscription, cursor, limit=limit).records()

    def _page(self, before: Position) -> Page:
        return self._client.page(
            self.settings.subscription, before.position, limit=self.settings.batch
        )

    def _begin(self, before: Position) -> Position:
        cursor = self._client.rewind(self.settings.subscription, self.settings.start)
        begun = before.moved(position=cursor)
        self._state.move(begun)
        return begun

    def _land(self, before: Position, page: Page) -> None:
        lines = page.records()
        seen = self.seen if before.phase == "resync" else None
        try:
            with self._database.transaction():
                landed = self.target.apply(lines, seen)
                self._state.move(
                    before.moved(
                        position=page.next_cursor,
                        records=before.records + landed.upserts,
                        deletes=before.deletes + landed.deletes,
                        lag=page.lag,
                    )
                )
        except DatabaseRefused as refused:
            raise self._named(refused, lines) from refused

    def _named(self, refused: DatabaseRefused, lines: list[Line]) -> Failure:
        """Return the failure with the key of the record that is the cause, where one is."""
        key = self.target.first_refused(lines)
        if key is None:
            return refused
        return Failure(
            f"表 {self.settings.table} 不接受主键为 {key} 的记录；{refused}",
            f"The table {self.settings.table} does not take the record {key}; {refused}",
        )

    def _begin_resync(self, before: Position, lost: int | None) -> None:
        """Read everything that is kept anew, from the earliest record on."""
        cursor = self._client.rewind(self.settings.subscription, "earliest")
        self._make_seen()
        with self._database.transaction():
            self._database.execute(f"DELETE FROM {self._database.table(self.seen)}")  # noqa: S608
            self._state.move(
                before.moved(position=cursor, phase="resync", resyncs=before.resyncs + 1, lag=lost)
            )

    def _make_seen(self) -> None:
        known = require_columns(self._database, self.settings.table, self.target.key)
        if self._database.columns(self.seen):
            return
        typed = [f"{self._database.quote(name)} {known[name].type}" for name in self.target.key]
        key = ", ".join(map(self._database.quote, self.target.key))
        make_table(self._database, self.seen, f"{', '.join(typed)}, PRIMARY KEY ({key})")

    def _end_resync(self) -> None:
        """Settle what was not told again: kept and counted, or removed, as configured."""
        remove = self.settings.after_gap == "remove"
        with self._database.transaction():
            before = self._state.position(self.name, self.settings.subscription)
            count = self.target.sweep(self.seen, remove=remove)
            removed = count if remove else 0
            self._state.move(
                before.moved(
                    phase="", unconfirmed=count - removed, deletes=before.deletes + removed
                )
            )
            self._database.execute(f"DELETE FROM {self._database.table(self.seen)}")  # noqa: S608
