"""Refusals at the token endpoints, whoever refuses: as RFC 6749 section 5.2 has them; pure."""

from kernel.errors import Category, ShuyuanError, Text

# Their callers are OAuth libraries; the other addresses below /oauth are pages.
PATHS = frozenset(
    {"/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/device_authorization"}
)
INTERNAL = 500


def body(error: ShuyuanError, status: int, detail: str) -> dict[str, object]:
    """Return the body; `error_description` may hold ASCII only, `detail` has any language."""
    description = _ascii(error.detail)
    return {"error": _name(error, status), "error_description": description, "detail": detail}


def _name(error: ShuyuanError, status: int) -> str:
    if status == INTERNAL:
        return "server_error"
    if error.category in (Category.UNAVAILABLE, Category.TOO_MANY):
        return "temporarily_unavailable"
    return "invalid_request"


def _ascii(text: Text) -> str:
    """Leave out what section 5.2 does not allow in a description."""
    plain = text.en.replace('"', "'").replace("\\", "/")
    return plain.encode("ascii", "ignore").decode()
