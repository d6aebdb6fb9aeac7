"""Refusals as RFC 6749 section 5.2 has them, with what they mean in both languages.

`error_description` may hold ASCII only, so the Chinese sentence stands in `detail`, which has the
language of the request, as every other refusal of the platform has it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from authlib.common.urls import add_params_to_uri

from kernel.errors import Text

NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuth2Error(Exception):
    """Base of the refusals; `facts` are for the audit log and never for the caller."""

    error: ClassVar[str]
    status_code: ClassVar[int] = 400

    def __init__(
        self, zh: str, en: str, *, retry_after_seconds: int | None = None, **facts: object
    ) -> None:
        super().__init__(en)
        self.detail = Text(zh, en)
        self.retry_after_seconds = retry_after_seconds
        self.facts: Mapping[str, object] = facts

    @property
    def description(self) -> str:
        return self.detail.en


class InvalidRequestError(OAuth2Error):
    error = "invalid_request"


class InvalidClient(OAuth2Error):
    error = "invalid_client"
    status_code = 401


class InvalidGrantError(OAuth2Error):
    error = "invalid_grant"


class InvalidScopeError(OAuth2Error):
    error = "invalid_scope"


class InvalidTarget(OAuth2Error):
    """RFC 8707: the `resource` is not this exchange."""

    error = "invalid_target"


class UnauthorizedClientError(OAuth2Error):
    error = "unauthorized_client"


class UnsupportedGrantType(OAuth2Error):
    error = "unsupported_grant_type"


class UnsupportedResponseType(OAuth2Error):
    error = "unsupported_response_type"


class AuthorizationPending(OAuth2Error):
    """RFC 8628 section 3.5: the person has not decided yet."""

    error = "authorization_pending"


class SlowDown(OAuth2Error):
    error = "slow_down"


class AccessDenied(OAuth2Error):
    error = "access_denied"


class ExpiredToken(OAuth2Error):
    error = "expired_token"


class TooManyFailures(OAuth2Error):
    """RFC 6749 has no word for it at this endpoint; this one stands in its section 4.1.2.1."""

    error = "temporarily_unavailable"
    status_code = 429


def answer(
    error: OAuth2Error, *, english: bool = False
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return status, headers and body."""
    headers = dict(NOT_STORED)
    if error.status_code == InvalidClient.status_code:
        headers["WWW-Authenticate"] = 'Basic realm="shuyuan", charset="UTF-8"'
    if error.retry_after_seconds:
        headers["Retry-After"] = str(error.retry_after_seconds)
    detail = error.detail.en if english else error.detail.zh
    body = {"error": error.error, "error_description": error.description, "detail": detail}
    return error.status_code, headers, body


def redirect(uri: str, parameters: Mapping[str, str | None]) -> str:
    """Return the address with the parameters that have a value."""
    given = [(name, value) for name, value in parameters.items() if value is not None]
    return cast("str", add_params_to_uri(uri, given))
