"""Whoever administers a division is never the last one to go (`shuyuan restore-access` besides).

A platform without an active `security` and `operator` over a division can be repaired only on its
database; no request may bring that about.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from auth.duties import administers
from auth.errors import LastAdministrator
from auth.principal import Role
from auth.store import administrators as store
from auth.store.administrators import Administrator
from kernel.database import WriteSession

ROLES = (Role.SECURITY, Role.OPERATOR)


@asynccontextmanager
async def remaining(
    session: WriteSession, *, person_id: str | None = None, department_uscc: str | None = None
) -> AsyncIterator[None]:
    """Let the change inside go through unless a division loses its last administrator.

    `person_id` or `department_uscc` is what changes. Changes of administrators come one after
    the other: two who drop each other at once must not both succeed.
    """
    before = await store.active(session, ROLES)
    if any(person_id == each.person_id or department_uscc == each.department for each in before):
        await store.lock(session)
        before = await store.active(session, ROLES)
    yield
    await session.flush()
    check(before, await store.active(session, ROLES))


def check(before: Sequence[Administrator], after: Sequence[Administrator]) -> None:
    """Raise LastAdministrator where a division and role of `before` has nobody in `after`."""
    for gone in set(before) - set(after):
        for role in gone.roles.intersection(ROLES):
            left = (each.region_code for each in after if role in each.roles)
            if not any(administers(region_code, gone.region_code) for region_code in left):
                raise LastAdministrator(role=role, region_code=gone.region_code)
