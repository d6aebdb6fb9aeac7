"""What becomes of a department's duties when the department changes (Order 809 Art 19)."""

from datetime import datetime

from auth.principal import Principal
from catalog import sources
from exchange.stewardship import open_matters
from exchange.stewardship.planning import require_unplanned
from kernel.database import WriteSession

ABOLISHED = "部门已撤销 / the department was abolished"


async def follow(
    session: WriteSession,
    principal: Principal,
    uscc: str,
    status: str | None,
    *,
    if_unused: bool,
    now: datetime,
) -> None:
    """Take its claims and sources from a department that is abolished, in the same transaction.

    `status` is what was asked for, None where it stays. Raises Conflict where it waits for a
    merger or a move, which would have to be cancelled first, and, where it is to be abolished only
    `if_unused`, DepartmentInUse while others rely on it.
    """
    if status == "abolished":
        await require_unplanned(session, uscc)
        if if_unused:
            await open_matters.require_none(session, uscc)
        await sources.forsake(session, principal, uscc, reason=ABOLISHED, now=now)
