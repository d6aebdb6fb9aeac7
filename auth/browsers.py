"""Browsers that somebody has signed in with before: known by a signed cookie; pure."""

import hmac
import secrets

from kernel.secretbox import Secretbox, mac

SECONDS = 180 * 86_400
NONCE_BYTES = 16
VALUE_MAX = 128


class Browsers:
    """Marks browsers, and recognises its marks; a mark names nobody and signs nobody in."""

    def __init__(self, box: Secretbox) -> None:
        self._key = box.derive("known-browsers")

    def mark(self, person_id: str) -> str:
        """Return the cookie of a browser that the person signed in with."""
        nonce = secrets.token_hex(NONCE_BYTES)
        return f"{nonce}.{self._proof(person_id, nonce)}"

    def recognised(self, person_id: str, cookie: str | None) -> str | None:
        """Return the name of the browser, None unless the person signed in with it."""
        if cookie is None or len(cookie) > VALUE_MAX or not cookie.isascii():
            return None
        nonce, _, proof = cookie.partition(".")
        return nonce if hmac.compare_digest(proof, self._proof(person_id, nonce)) else None

    def _proof(self, person_id: str, nonce: str) -> str:
        return mac(self._key, person_id.encode(), nonce.encode()).hex()
