"""Who began a job: its rights when the job runs, and who else may follow it."""

from collections.abc import Collection
from typing import Literal

from auth.errors import TokenRevoked
from auth.principal import Principal, Role
from auth.store import standings
from kernel import jobs
from kernel.actor import Actor
from kernel.database import ReadSession
from kernel.errors import NotFound
from kernel.tables import JobRow

FOR_EVER = float("inf")


async def principal_of(
    session: ReadSession, author: Actor, scopes: Collection[str], job_id: str
) -> Principal:
    """Return the author with the roles of this moment.

    Raises TokenRevoked for who was suspended, or moved to another department, since then.
    """
    kind: Literal["person", "client"] = "client" if author.kind == "client" else "person"
    standing = await standings.get(session, kind, author.id)
    if standing is None or not standing.active or standing.department != author.department:
        raise TokenRevoked
    return Principal(
        kind=kind,
        id=author.id,
        department=standing.department,
        region_code=standing.region_code,
        is_authority=standing.is_authority,
        roles=frozenset(Role(role) for role in standing.roles),
        scopes=frozenset(scopes),
        token_id=job_id,
        expires_at=FOR_EVER,
    )


async def job_of(session: ReadSession, principal: Principal, job_id: str) -> JobRow:
    """Return a job that the caller began, or whose department it heads; raises NotFound.

    Who heads it by a delegation sees the own ones: what came of others may be records.
    """
    row = await jobs.find(session, job_id)
    if row is None or principal.department != row.department:
        raise NotFound
    is_author = (principal.kind, principal.id) == (row.author_kind, row.author_id)
    heads = Role.HEAD in principal.roles and principal.delegate is None
    if not (is_author or heads):
        raise NotFound
    return row
