"""The page for everybody, and the one that answers a failure to a browser."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.console import render
from gateway.console.session import Cookies
from gateway.console.visit import english_of
from gateway.services import Using
from kernel import clock
from kernel.errors import ShuyuanError
from kernel.logging import correlation_id

router = APIRouter(include_in_schema=False)
MACHINES = ("/v1/", "/oauth/token", "/oauth/introspect", "/oauth/revoke", "/.well-known/")


@router.get("/")
async def landing(request: Request, using: Using) -> Response:
    """What this is, the way in, and whether the platform is well."""
    session = Cookies(using.box, using.settings).session(request)
    english = english_of(request)
    values = {
        "english": english,
        "signed_in": session is not None and session.lives(clock.now(), using.settings),
        "well": using.changes.fresh and not using.loops.failed,
    }
    return render.html("landing.html", values, english=english)


def problem_page(request: Request, error: ShuyuanError, status: int) -> Response | None:
    """Return a failure as a page, None for whoever did not ask for pages."""
    wants_page = "text/html" in request.headers.get("accept", "")
    if not wants_page or request.url.path.startswith(MACHINES):
        return None
    english = english_of(request)
    values = {
        "status": status,
        "sentence": error.detail.en if english else error.detail.zh,
        "correlation": correlation_id.get() or "",
    }
    return render.html("problem.html", values, english=english, status=status)
