"""Opaque texts that only this platform can have made: a payload under a MAC, in base64url; pure."""

import base64
import binascii
from hmac import compare_digest

from kernel.secretbox import MAC_BYTES, mac

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def seal(key: bytes, payload: bytes, *context: bytes) -> str:
    """Return a text that `unseal` opens with the same key and context alone."""
    return _text(payload + mac(key, *context, payload))


def unseal(key: bytes, text: str, *context: bytes) -> bytes | None:
    """Return the payload, None for any text that was not sealed so."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    payload, seal_ = sealed[:-MAC_BYTES], sealed[-MAC_BYTES:]
    # The last character of base64 has spare bits: only one spelling is ours.
    if _text(sealed) != text or not compare_digest(mac(key, *context, payload), seal_):
        return None
    return payload


def _text(sealed: bytes) -> str:
    encoded = binascii.b2a_base64(sealed, newline=False).rstrip(b"=")
    return encoded.translate(_URL_SAFE).decode()
