"""What becomes of a department's duties when the department changes (Order 809 Art 19)."""

from datetime import datetime

from auth.principal import Principal
from catalog import sources
from exchange.stewardship.planning import require_unplanned
from kernel.database import WriteSession

ABOLISHED = "部门已撤销 / the department was abolished"


async def follow(
    session: WriteSession, principal: Principal, uscc: str, status: str, *, now: datetime
) -> None:
    """Take its claims and sources from a department that is abolished, in the same transaction.

    Raises Conflict where it waits for a merger or a move: that would have to be cancelled first.
    """
    if status == "abolished":
        await require_unplanned(session, uscc)
        await sources.forsake(session, principal, uscc, reason=ABOLISHED, now=now)
