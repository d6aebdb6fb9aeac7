"""The authority files at once every subscription that left a version unanswered (备案)."""

from datetime import datetime

from auth.principal import Principal
from catalog import revisions, versions
from catalog.visibility import is_insider
from exchange.announcements.answering import Answering, require_come
from exchange.announcements.register import AnnouncedVersion, of_version
from exchange.announcements.states import Answer
from exchange.subscriptions.store import hold_resource
from kernel.database import WriteSession
from kernel.errors import IllegalTransition, NotFound
from kernel.turns import FairScheduler


async def file_change(
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    turns: FairScheduler,
    *,
    reason: str | None,
    now: datetime,
) -> AnnouncedVersion:
    """File what is unanswered, from the effective day on; Conflict before it.

    Raises NotFound, 403 errors, IllegalTransition where nothing is announced.
    """
    shown = await versions.shown(session, principal, resource_id)
    principal.require_authority(shown.resource.region_code)
    if not is_insider(principal, shown.resource):
        raise NotFound
    await hold_resource(session, resource_id, alone=False)
    announced = await revisions.announced(session, resource_id)
    if announced is None:
        raise IllegalTransition(
            "没有已公告、尚未生效的版本",
            "No version is announced and still to come",
            state=str(shown.status),
            allowed=[str(each) for each in shown.allowed],
        )
    require_come(announced, now)
    answering = Answering(session, principal)
    standings = []
    for found in await of_version(session, shown, announced, turns, now=now):
        standing = found
        if found.answer is Answer.UNANSWERED:
            grant_id = found.affected.grant.id
            _, standing = await answering.file(grant_id, announced.version, reason, now=now)
        standings.append(standing)
    return AnnouncedVersion(announced, standings)
