"""Refusals as RFC 6749 has them: authlib's, with the header that it leaves out."""

from collections.abc import Mapping
from typing import cast

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)

__all__ = [
    "InvalidClient",
    "InvalidGrantError",
    "InvalidRequestError",
    "InvalidScopeError",
    "InvalidTarget",
    "OAuth2Error",
    "UnauthorizedClientError",
    "UnsupportedGrantType",
    "UnsupportedResponseType",
    "answer",
    "redirect",
]
NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class InvalidTarget(OAuth2Error):  # type: ignore[misc]
    """RFC 8707: the `resource` is not this exchange."""

    error = "invalid_target"


class UnsupportedGrantType(OAuth2Error):  # type: ignore[misc]
    """Without authlib's constructor, which wants the caller's own text in the answer."""

    error = "unsupported_grant_type"


class UnsupportedResponseType(OAuth2Error):  # type: ignore[misc]
    error = "unsupported_response_type"


class InvalidClient(InvalidClientError):  # type: ignore[misc]
    status_code = 401


def answer(error: OAuth2Error) -> tuple[int, dict[str, str], dict[str, str]]:
    """Return status, headers and body."""
    headers = dict(NOT_STORED)
    if error.status_code == InvalidClient.status_code:
        headers["WWW-Authenticate"] = 'Basic realm="shuyuan", charset="UTF-8"'
    return error.status_code, headers, dict(error.get_body())


def redirect(uri: str, parameters: Mapping[str, str | None]) -> str:
    """Return the address with the parameters that have a value."""
    given = [(name, value) for name, value in parameters.items() if value is not None]
    return cast("str", add_params_to_uri(uri, given))
