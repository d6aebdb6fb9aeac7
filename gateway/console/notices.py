"""通知: how a department is told of what concerns it, by mail and webhook, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response

from auth.principal import Role
from gateway.api import notices as api
from gateway.api.notices import NoticesIn, NoticesView
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.visit import Visit
from kernel.database import ReadSession
from kernel.errors import NotFound
from kernel.preconditions import Precondition

router = APIRouter()
TEMPLATE = "notices.html"
ADDRESS = "/console/notices"
DIGESTS = ("immediate", "daily")


@dataclass(frozen=True, slots=True)
class NoticesPage:
    """`notices` is None where nothing is set; its secret is there once, after the act."""

    notices: NoticesView | None
    revision: str
    sets: bool
    mail_on: bool
    digests: Sequence[str] = DIGESTS


@page(router, ADDRESS, TEMPLATE)
async def shown(visit: Visit) -> NoticesPage:
    return await _shown(visit)


async def _shown(visit: Visit, made: NoticesView | None = None) -> NoticesPage:
    response = Response()
    async with visit.reading() as session:
        found = await kept(visit, session, response)
    return NoticesPage(
        made or found,
        response.headers.get("ETag", "").strip('W/"'),
        sets=visit.has(Role.HEAD),
        mail_on=bool(visit.using.settings.smtp_host),
    )


async def kept(
    visit: Visit, session: ReadSession, response: Response | None = None
) -> NoticesView | None:
    """Return how the person's department is told, None where nothing is set."""
    try:
        return await api.get(
            visit.principal.department,
            session,
            visit.principal,
            visit.using,
            response or Response(),
        )
    except NotFound:
        return None


async def put(visit: Visit) -> NoticesPage:
    """Say who is told and how, and show the secret of a new webhook, which no later page does."""
    lines = (visit.text("email") or "").splitlines()
    typed = {name: visit.text(name) for name in ("webhook", "digest")}
    emails = [each.strip() for each in lines if each.strip()]
    body = forms.body(NoticesIn, {"email": emails, **forms.present(typed)})
    known = forms.whole(visit.text("revision"))
    read = isinstance(known, int)
    precondition = Precondition(read, frozenset({known}) if isinstance(known, int) else None)
    made = await api.put(
        visit.principal.department, body, precondition, visit.principal, visit.using, Response()
    )
    return await _shown(visit, made)


act(router, ADDRESS, shown, TEMPLATE)(put)
