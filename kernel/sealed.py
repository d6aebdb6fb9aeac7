"""Opaque texts that only this platform can have made and can read, bound to a context; pure.

A text begins with its version: builds that run side by side read each other's, and a later form is
told from this one. Version 1 is AES-SIV (RFC 5297): encrypted, authenticated, and one text for one
payload, so that texts can be compared. Texts without a version are those of builds before it, a
payload in clear under a MAC; they are still read.
"""

import base64
import binascii
from functools import lru_cache
from hmac import compare_digest
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from kernel.secretbox import MAC_BYTES, mac

VERSION: Final = "1."
TEXT_MAX: Final = 16 * 1024
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def seal(key: bytes, payload: bytes, *context: bytes) -> str:
    """Return a text that `unseal` opens with the same key and context alone."""
    return VERSION + _text(_cipher(key).encrypt(payload, [VERSION.encode(), *context]))


def unseal(key: bytes, text: str, *context: bytes) -> tuple[bytes, bool] | None:
    """Return the payload and whether it bears a version, None for any text not sealed so."""
    if len(text) > TEXT_MAX:
        return None
    versioned = text.startswith(VERSION)
    sealed = _bytes(text.removeprefix(VERSION))
    if sealed is None or len(sealed) <= MAC_BYTES:
        return None
    if not versioned:
        payload, tag = sealed[:-MAC_BYTES], sealed[-MAC_BYTES:]
        return (payload, False) if compare_digest(mac(key, *context, payload), tag) else None
    try:
        return _cipher(key).decrypt(sealed, [VERSION.encode(), *context]), True
    except InvalidTag:
        return None


@lru_cache(maxsize=64)
def _cipher(key: bytes) -> AESSIV:
    return AESSIV(key)


def _bytes(text: str) -> bytes | None:
    """Read base64url; None for any spelling but the one that `_text` writes."""
    try:
        read = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    # The last character of base64 has spare bits: only one spelling is ours.
    return read if _text(read) == text else None


def _text(sealed: bytes) -> str:
    encoded = binascii.b2a_base64(sealed, newline=False).rstrip(b"=")
    return encoded.translate(_URL_SAFE).decode()
