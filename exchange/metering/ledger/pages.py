"""Pages of subscriptions with a ledger are written down before they leave.

Those of a moment share a statement. A page that nobody got, or not the whole of it, is withdrawn
behind the answer; one whose worker was killed in between stays, and the two sides differ by it.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial

from exchange.metering.ledger import store
from exchange.metering.ledger.digests import NewPage, PageFacts
from kernel.database import Database, is_passing
from kernel.errors import Unavailable
from kernel.group_commit import GroupCommit
from kernel.ids import new_id
from kernel.statements import Statements
from kernel.write_behind import WriteBehind

TOGETHER = 500


class LedgerPages:
    """One worker's pages."""

    def __init__(self, database: Database) -> None:
        self._adding, self._behind = Statements(database.access), Statements(database.access)
        self._pages: GroupCommit[NewPage, NewPage] = GroupCommit(
            self._add, most=TOGETHER, unclaimed=lambda page, _same: self.withdraw(page)
        )
        self._withdrawals = WriteBehind(partial(store.withdraw, self._behind))

    async def add(
        self, subscription_id: str, day: date, facts: PageFacts, page: str | None = None
    ) -> NewPage:
        """Write a page down, which has a name or gets one; raises Unavailable."""
        return await self._pages.submit(NewPage(subscription_id, day, page or new_id(), facts))

    def withdraw(self, page: NewPage) -> None:
        """Forget a page that was not handed on, at once and behind the answer."""
        self._withdrawals.put(page)

    async def _add(self, pages: Sequence[NewPage]) -> Sequence[NewPage]:
        try:
            await store.add(self._adding, pages)
        except Exception as error:
            # Whether they were written is not known; none of them leaves.
            for page in pages:
                self._withdrawals.put(page)
            if is_passing(error):
                raise Unavailable from error
            raise
        return pages

    async def close(self) -> None:
        await self._pages.close()
        await self._withdrawals.close()
        await self._adding.close()
        await self._behind.close()
