"""Deletes what OAuth remembered and nobody can present any more."""

from datetime import datetime, timedelta

from auth.store import clients, sign_ins, tokens
from kernel.database import WriteSession

# Long enough that a code or refresh token used twice is still recognised as such.
KEPT_AFTER_END = timedelta(days=1)


async def forget_ended(session: WriteSession, now: datetime) -> None:
    """Delete codes, tokens, assertions, sign-ins and failures that ended a day ago."""
    before = now - KEPT_AFTER_END
    await tokens.forget_ended(session, before)
    await sign_ins.forget_ended(session, before)
    await sign_ins.forget_failures(session, now)
    await clients.forget_assertions(session, before)
