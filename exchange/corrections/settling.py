"""The worker looks again who received a disputed value, once everybody has told (P13).

A gateway worker tells of a page within a second after it left, and a killed one is found out within
half a minute: what it may have handed on in its last second counts as received.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from exchange import store as moving
from exchange.corrections import store
from exchange.corrections.fixing import mark
from exchange.corrections.key_search import KeySearch
from exchange.corrections.marking import Marking
from exchange.corrections.states import FIXES
from exchange.corrections.tables import Correction
from exchange.metering.evidence.delivered import FLUSHED, FOUND_OUT
from kernel import clock
from kernel.database import Database
from kernel.patience import look_for_ever
from kernel.secretbox import Secretbox

POLL_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 2.0


class Settling:
    """One worker's; several may do the same, and marks are made once."""

    def __init__(self, database: Database, search: KeySearch) -> None:
        self._database = database
        self._search = search

    async def run(self, open_box: Callable[[], Coroutine[Any, Any, Secretbox]]) -> None:
        """Look for ever; a database or broker that is away is waited for."""
        marking = Marking(self._database, self._search, await open_box())
        look, waiting = partial(self.settle, marking), "marks of corrections wait"
        await look_for_ever(look, waiting, every=POLL_SECONDS, retry=RETRY_SECONDS)

    async def settle(self, marking: Marking) -> bool:
        """Mark one fix for whom it is not marked yet; whether there was one to look at."""
        async with self._database.reading() as session:
            row = await store.unsettled(session, clock.now())
        if row is None or row.settle_at is None or row.fixed_at is None:
            return False
        last_look = row.settle_at >= row.fixed_at + FOUND_OUT
        affected = await marking.affected(row, unknown_only=last_look)
        async with self._database.transaction() as session:
            newest = await moving.lock(session, Correction, row.id)
            if newest.settle_at == row.settle_at and newest.status in FIXES:
                await mark(session, newest, affected or ())
                next_look = row.fixed_at + (FLUSHED if clock.now() < row.fixed_at + FLUSHED
                                            else FOUND_OUT)  # fmt: skip
                await store.look_again(session, newest, None if last_look else next_look)
        return True
