"""A person's own sign-ins: which there are, and ending all but the present one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from auth import opaque, people, revocations
from auth.events import AuthEvent
from auth.oauth.sign_out import REASON
from auth.people import SUBJECT
from auth.principal import Principal
from auth.source import Source
from auth.store import people as people_store
from auth.store import sign_ins
from auth.store import tokens as store
from kernel import audit
from kernel.database import ReadSession, WriteSession


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A browser that the person signed in with; `present` is the one that asks."""

    began_at: datetime
    used_at: datetime
    present: bool


async def own(
    session: ReadSession,
    principal: Principal,
    cookie: str | None,
    idle: timedelta,
    *,
    now: datetime,
) -> Sequence[OwnSession]:
    """Return the caller's sign-ins that have not ended, the last used first; Forbidden."""
    await people.own(session, principal)
    digest = opaque.digest(cookie) if cookie else b""
    found = await sign_ins.of_person(session, principal.id, now, idle)
    return [OwnSession(each.created_at, each.used_at, each.digest == digest) for each in found]


async def end_others(
    session: WriteSession,
    principal: Principal,
    cookie: str | None,
    source: Source,
    *,
    now: datetime,
) -> None:
    """End every other sign-in and token of the caller, those of programs too; Forbidden."""
    await people.own(session, principal)
    await people_store.lock(session, principal.id)
    digest = opaque.digest(cookie) if cookie else b""
    await sign_ins.remove_of(session, principal.id, but=digest)
    for token in await store.end_person(session, principal.id, now, except_jti=principal.token_id):
        await revocations.revoke(
            session, principal.actor, token.jti, token.expires_at, reason=REASON
        )
    details = {"source": source.address, "others": True}
    audit.record(session, principal.actor, AuthEvent.SIGNED_OUT, SUBJECT, principal.id, **details)
