"""What anyone may read: the server's metadata (RFC 8414) and its public keys (RFC 7517)."""

from typing import Any

from fastapi import APIRouter, Response

from auth.oauth import metadata
from gateway.services import Using

router = APIRouter()

# Short, as a key signs seconds after it was published.
KEYS_MAX_AGE_SECONDS = 60


@router.get("/.well-known/oauth-authorization-server")
async def describe(using: Using) -> dict[str, Any]:
    """授权服务器的元数据 / metadata of the authorization server (RFC 8414)."""
    return metadata.describe(using.settings.base_url)


@router.get("/oauth/jwks")
async def jwks(using: Using, response: Response) -> dict[str, list[dict[str, Any]]]:
    """平台签名的公钥 / the public keys that the platform signs with."""
    response.headers["Cache-Control"] = f"public, max-age={KEYS_MAX_AGE_SECONDS}"
    return await using.tokens.keys.jwks()
