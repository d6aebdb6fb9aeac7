"""Keys derived from the master key, and values stored encrypted under it."""

import base64
import hashlib

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAC_BYTES = 16


class Secretbox:
    def __init__(self, master_key: bytes) -> None:
        self._master_key = master_key
        self._fernet = Fernet(base64.urlsafe_b64encode(self.derive("stored-values")))

    def derive(self, purpose: str) -> bytes:
        """Return the 32-byte key of one purpose."""
        hkdf = HKDF(algorithm=SHA256(), length=32, salt=b"shuyuan", info=purpose.encode())
        return hkdf.derive(self._master_key)

    def encrypt(self, value: bytes) -> bytes:
        return self._fernet.encrypt(value)

    def decrypt(self, value: bytes) -> bytes:
        """Return the clear value; cryptography's InvalidToken if it is not ours."""
        return self._fernet.decrypt(value)


def mac(key: bytes, *parts: bytes) -> bytes:
    """Return a keyed BLAKE2b (RFC 7693, 16 bytes) over length-prefixed parts.

    OpenSSL's HMAC looks its algorithm up for every message, which costs ten times as much.
    """
    message = b"".join([len(part).to_bytes(4, "big") + part for part in parts])
    return hashlib.blake2b(message, key=key, digest_size=MAC_BYTES).digest()
