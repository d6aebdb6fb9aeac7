"""Proof key for code exchange, method S256 (RFC 7636); pure."""

import re

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from auth.oauth.errors import InvalidRequestError

# Section 4.1: unreserved characters only.
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
# Section 4.2: SHA-256 in base64url without padding.
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def proves(verifier: str, challenge: str) -> bool:
    """Whether the verifier is that of the challenge; raises InvalidRequestError for none at all."""
    if not VERIFIER.fullmatch(verifier):
        raise InvalidRequestError(
            "code_verifier 须为 43 至 128 个字母、数字或 - . _ ~",
            "The code_verifier must be 43 to 128 letters, digits or - . _ ~",
        )
    return bool(create_s256_code_challenge(verifier) == challenge)


def challenge(verifier: str) -> str:
    """Return the challenge of a verifier."""
    return str(create_s256_code_challenge(verifier))
