"""A browser signs out: its cookie ends, and the families of tokens that began with it."""

import hmac
from datetime import datetime

from auth import opaque, revocations
from auth.events import AuthEvent
from auth.people import SUBJECT
from auth.sign_in import Life
from auth.source import Source
from auth.store import people, sign_ins
from auth.store import tokens as store
from kernel import audit
from kernel.actor import Actor
from kernel.database import WriteSession
from kernel.secretbox import Secretbox, mac

REASON = "signed_out"


def form_token(box: Secretbox, cookie: str) -> str:
    """Return what the form of the page holds, so that no other page can send it."""
    return mac(box.derive("sign-out-form"), cookie.encode()).hex()


def is_form_token(box: Secretbox, cookie: str, token: str) -> bool:
    return hmac.compare_digest(form_token(box, cookie).encode(), token.encode())


async def sign_out(
    session: WriteSession, cookie: str, life: Life, source: Source, *, now: datetime
) -> None:
    """End the cookie and everything that began with it; one that ended already is left alone."""
    digest = opaque.digest(cookie)
    found = await sign_ins.person_of(session, digest, now, life.idle)
    if found is None:
        return
    sign_in, person = found
    await people.lock(session, person.id)
    await sign_ins.remove(session, digest)
    actor = Actor("person", person.id, person.department)
    for token in await store.end_session(session, sign_in.session, now):
        await revocations.revoke(session, actor, token.jti, token.expires_at, reason=REASON)
    details = {"source": source.address}
    audit.record(session, actor, AuthEvent.SIGNED_OUT, SUBJECT, person.id, **details)
