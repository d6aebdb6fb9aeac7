"""The token of a request (RFC 6750)."""

from collections.abc import Mapping

from auth.errors import TokenMissing

BEARER = b"bearer "


def bearer(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the bearer token; raises TokenMissing."""
    value = headers.get(b"authorization", b"")
    if value[: len(BEARER)].lower() != BEARER:
        raise TokenMissing
    return value[len(BEARER) :].strip()
