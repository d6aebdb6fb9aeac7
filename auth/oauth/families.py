"""Staff tokens come in families: one sign-in, its refresh tokens, its access tokens."""

from datetime import datetime

from auth import revocations
from auth.store import tokens as store
from kernel.actor import Actor
from kernel.database import WriteSession


async def end(
    session: WriteSession, actor: Actor, family: str, now: datetime, *, reason: str
) -> bool:
    """End every token of a family, the access tokens too; False when none was left."""
    ended = await store.end_family(session, family, now)
    for issued in ended:
        await revocations.revoke(session, actor, issued.jti, issued.expires_at, reason=reason)
    return bool(ended)
