"""Who acts for another department says so in a header (Order 809 Art 36)."""

from collections.abc import Mapping
from typing import Final

from auth.delegations.register import acting_for
from auth.principal import Principal
from gateway.services import Services
from kernel import clock

HEADER: Final = b"exchange-on-behalf-of"
# In the scope of a request: the caller as it acts for another department.
ACTING: Final = "shuyuan.acting"


async def acting(
    using: Services, principal: Principal, headers: Mapping[bytes, bytes], operation: str
) -> Principal | None:
    """Return the caller as it acts for the department that the header names, None without one.

    Raises NotDelegated.
    """
    named = headers.get(HEADER)
    if named is None:
        return None
    department = named.decode("latin-1").strip()
    async with using.database.reading() as session:
        return await acting_for(session, principal, department, operation, now=clock.now())
