"""Refusals as RFC 9457 problem bodies: category → status, language, correlation id."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from gateway import oauth_problems, order, refused, validation
from gateway.http.outflow import ClientGoneError, CutShortError
from gateway.keys_in_paths import keyless
from gateway.negotiation import prefers_english
from gateway.ranges import RangeNotSatisfiable
from kernel.database import is_passing, sqlstate
from kernel.errors import (
    BadRequest,
    Category,
    Conflict,
    FieldError,
    NotFound,
    ShuyuanError,
    Text,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
)
from kernel.logging import correlation_id

log = logging.getLogger(__name__)

STATUS: Mapping[Category, int] = {
    Category.BAD_REQUEST: 400,
    Category.UNAUTHORIZED: 401,
    Category.FORBIDDEN: 403,
    Category.NOT_FOUND: 404,
    Category.CONFLICT: 409,
    Category.GONE: 410,
    Category.PRECONDITION_FAILED: 412,
    Category.TOO_LARGE: 413,
    Category.UNSUPPORTED_MEDIA: 415,
    Category.INVALID: 422,
    Category.PRECONDITION_REQUIRED: 428,
    Category.TOO_MANY: 429,
    Category.BAD_GATEWAY: 502,
    Category.UNAVAILABLE: 503,
}
# Codes whose status is not that of their category.
APART: Mapping[str, int] = {
    "request_timeout": 408,
    "range_not_satisfiable": 416,
    # Of tus 1.0, which has a status of its own.
    "checksum_mismatch": 460,
    "head_too_large": 431,
    "not_implemented": 501,
    "http_version_not_supported": 505,
}
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_DEFAULT_SECONDS = 1
PATH_MAX = 1_000
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class MethodNotAllowed(ShuyuanError):
    category = Category.NOT_FOUND
    code = "method_not_allowed"
    title = Text("此地址不支持该方法", "The method is not supported here")


class CodingNotSupported(UnsupportedMedia):
    """`accepted` are the codings that may be used there (RFC 9110 section 12.5.3)."""

    def __init__(self, accepted: str) -> None:
        super().__init__(
            f"此处的 Content-Encoding 只支持 {accepted}",
            f"Content-Encoding here: {accepted}",
        )
        self.accepted = accepted


class Internal(ShuyuanError):
    category = Category.UNAVAILABLE
    code = "internal_error"
    title = Text("平台内部错误，请凭关联号联系运维", "Internal error; quote the correlation id")


def in_english(accept_language: str) -> bool:
    return prefers_english(accept_language.encode("latin-1", "replace"))


def status_of(error: ShuyuanError, status: int | None = None) -> int:
    """Return the status of a refusal, the one that is told where one is."""
    return status or APART.get(error.code) or STATUS[error.category]


def problem(
    error: ShuyuanError, *, instance: str, english: bool, status: int | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a refusal."""
    status = status_of(error, status)
    body: dict[str, Any] = {
        "type": f"urn:shuyuan:problem:{error.code}",
        "title": _say(error.title, english=english),
        "status": status,
        "detail": _say(error.detail, english=english),
        "instance": keyless(instance),
        "code": error.code,
        "correlation_id": correlation_id.get(),
        **error.facts,
    }
    if error.errors:
        body["errors"] = listed(error.errors, english=english)
        body["error_count"] = error.error_count
    headers = _headers(error, status)
    if instance in oauth_problems.PATHS:
        body = oauth_problems.body(error, status, body["detail"])
        headers["Content-Type"] = "application/json"
    return status, headers, orjson.dumps(body, default=str)


def listed(errors: Iterable[FieldError], *, english: bool) -> list[dict[str, object]]:
    """Return field errors as bodies list them."""
    return [_field_error(item, english=english) for item in errors]


def _say(text: Text, *, english: bool) -> str:
    return text.en if english else text.zh


def _field_error(item: FieldError, *, english: bool) -> dict[str, object]:
    place = {} if item.index is None else {"index": item.index}
    message = item.en if english else item.zh
    # A path may name what a caller sent, and no answer's model holds a NUL.
    path = item.path.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:PATH_MAX]
    allowed = {"allowed": item.allowed} if item.allowed else {}
    return {**place, "path": path, "code": item.code, "message": message, **allowed}


def _headers(error: ShuyuanError, status: int) -> dict[str, str]:
    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
    if isinstance(error, CodingNotSupported):
        headers["Accept-Encoding"] = error.accepted
    if isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, Unauthorized):
        detail = "" if error.code == "token_missing" else ', error="invalid_token"'
        headers["WWW-Authenticate"] = f'Bearer realm="shuyuan"{detail}'
    elif error.code == "insufficient_scope":
        scope = error.facts["required"]
        headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{scope}"'
    if status in (429, 503) or error.retry_after_seconds is not None:
        wait = error.retry_after_seconds or RETRY_AFTER_DEFAULT_SECONDS
        headers["Retry-After"] = str(wait)
    return headers


def respond(request: Request, error: ShuyuanError, status: int | None = None) -> Response:
    english = in_english(request.headers.get("accept-language", ""))
    status, headers, body = problem(
        error, instance=request.url.path, english=english, status=status
    )
    refused.note(
        getattr(request.app.state, "services", None),
        request.scope.get(refused.PRINCIPAL),
        error,
        status,
        method=request.method,
        path=request.url.path,
        source=request.client.host if request.client else None,
    )
    shown = getattr(request.app.state, "problem_page", None)
    page = shown(request, error, status) if shown is not None else None
    return page or Response(body, status, headers)


def install(app: FastAPI) -> None:
    """Answer every failure of the app with a problem body."""
    app.add_exception_handler(ShuyuanError, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(PoolTimeout, _database)
    app.add_exception_handler(OSError, _database)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ShuyuanError)  # noqa: S101 - narrows the handler's type
    return await _first(request, error)


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return await _first(request, validation.refusal(error))


async def _first(request: Request, error: ShuyuanError) -> Response:
    """Answer with the refusal, or with what comes before it in the order of checks."""
    asked = request.scope.get(order.ASKED)
    services = getattr(request.app.state, "services", None)
    if asked is None or services is None or order.rank_of(error) is None:
        return respond(request, error)
    try:
        return respond(request, await order.first(services, asked, error))
    except (DBAPIError, PoolTimeout, OSError) as failed:
        return await _database(request, failed)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:  # noqa: PLR2004
        return respond(request, NotFound())
    if error.status_code == 405:  # noqa: PLR2004
        response = respond(request, MethodNotAllowed(), 405)
        response.headers["Allow"] = ", ".join(_allowed(request))
        return response
    if error.status_code == 400:  # noqa: PLR2004
        return await _first(request, validation.unreadable(error.__cause__))
    return respond(request, BadRequest(str(error.detail), str(error.detail)), error.status_code)


def _allowed(request: Request) -> list[str]:
    """Return every method of the path: the framework's own answer knows its first route only.

    Where GET is answered, so is HEAD (gateway/hot/paths.py).
    """
    methods = [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
    return ["HEAD", *methods] if "GET" in methods else methods


async def _database(request: Request, error: Exception) -> Response:
    """Deadlocks and lost connections are retriable; a broken constraint is a conflict."""
    code = sqlstate(error)
    if code.startswith("23"):
        log.info("constraint: %s", error)
        return respond(request, Conflict())
    if code.startswith("22"):
        log.info("data: %s", error)
        return respond(request, BadRequest())
    if is_passing(error):
        log.warning("database: %s", error)
        return respond(request, Unavailable())
    return await _unexpected(request, error)


async def _unexpected(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw; note why an answer that had begun was cut short.

    Of the latter nothing is sent: their connections are gone.
    """
    if isinstance(error, ClientGoneError):
        return Response()
    if isinstance(error, CutShortError) and isinstance(error.__cause__, ShuyuanError):
        return respond(request, error.__cause__)
    log.error("unexpected error on %s", keyless(request.url.path), exc_info=error)
    return respond(request, Internal(), 500)
