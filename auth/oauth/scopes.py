"""Which scopes a token gets of those it may have; pure."""

from collections.abc import Collection

from auth.oauth.errors import InvalidScopeError, InvalidTarget


def granted(asked: str | None, allowed: Collection[str]) -> str:
    """Return the asked scopes, or all allowed ones; raises InvalidScopeError beyond them."""
    wanted = sorted(set(allowed if asked is None else asked.split(" ")))
    if not set(wanted) <= set(allowed):
        raise InvalidScopeError(
            "授权范围未知，或超出登记的范围",
            "The scope is unknown or goes beyond what is registered.",
        )
    return " ".join(wanted)


def check_resource(resource: str | None, issuer: str) -> None:
    """Raise InvalidTarget unless the resource, if named (RFC 8707), is this exchange."""
    if resource is not None and resource.rstrip("/") != issuer.rstrip("/"):
        raise InvalidTarget("resource 不是本平台", "The resource is not this exchange.")
