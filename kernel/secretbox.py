"""Keys derived from the root key, and values stored encrypted under a master key; pure.

Values are Fernet tokens: AES-128 in CBC mode under HMAC-SHA256. A value under a master key that
came by a rotation begins with the id of that key. One without an id is of the key that the root key
was made from: builds that know no ids wrote such values, and still read them.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from kernel.errors import Unavailable

MAC_BYTES = 16
ID_BYTES: Final = 6
# What every Fernet token begins with: its version, and the first bytes of the time until 2106.
BARE: Final = base64.urlsafe_b64encode(b"\x80\x00\x00")
_SALT: Final = b"shuyuan"


class RootKeyUnknown(Unavailable):
    """The database, which holds the root key, has not answered since this process started."""


class Secretbox:
    """Encrypts under one master key, decrypts under it and `others`, derives from the root key.

    Without `root` it is the one that the master key makes, as on the platform's first start.
    """

    def __init__(
        self, master_key: bytes, *, others: Sequence[bytes] = (), root: bytes | None = None
    ) -> None:
        self._own = root_of(master_key)
        self._root: bytes | None = root or self._own
        self._fernets = {key_id(key): _fernet(key) for key in (master_key, *others)}
        self._all = MultiFernet(list(self._fernets.values()))
        self.key_id = key_id(master_key)

    @classmethod
    def without_root(cls, master_key: bytes, others: Sequence[bytes]) -> Self:
        """Return a box that raises RootKeyUnknown from all but `decrypt` until `learn`."""
        box = cls(master_key, others=others)
        box._root = None
        return box

    def learn(self, root: bytes) -> None:
        self._root = root

    @property
    def knows_root(self) -> bool:
        return self._root is not None

    @property
    def mark(self) -> bytes:
        """What every value begins with that this box encrypts, and no value of another key."""
        return self._id or BARE

    @property
    def _id(self) -> bytes:
        return b"" if self._own == self._known_root() else self.key_id.encode() + b"."

    def derive(self, purpose: str) -> bytes:
        """Return the 32-byte key of one purpose; it outlives every master key."""
        return _expand(self._known_root(), purpose)

    def _known_root(self) -> bytes:
        if self._root is None:
            raise RootKeyUnknown
        return self._root

    def encrypt(self, value: bytes) -> bytes:
        return self._id + self._fernets[self.key_id].encrypt(value)

    def decrypt(self, value: bytes) -> bytes:
        """Return the clear value; cryptography's InvalidToken if it is of none of the keys."""
        named, dot, token = value.rpartition(b".")
        if not dot:
            return self._all.decrypt(token)
        fernet = self._fernets.get(named.decode("ascii", "replace"))
        if fernet is None:
            raise InvalidToken
        return fernet.decrypt(token)


def root_of(master_key: bytes) -> bytes:
    """Return the root key that a master key makes: HKDF-Extract (RFC 5869), which has no way back.

    Keys derived from it are those that builds before it derived from the master key itself.
    """
    return hmac.digest(_SALT, master_key, "sha256")


def key_id(master_key: bytes) -> str:
    """Return the name of a master key, from which nothing of the key can be learnt."""
    return _expand(root_of(master_key), "master-key-id")[:ID_BYTES].hex()


def _fernet(master_key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_expand(root_of(master_key), "stored-values")))


def _expand(root: bytes, purpose: str) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=32, info=purpose.encode()).derive(root)


def mac(key: bytes, *parts: bytes) -> bytes:
    """Return a keyed BLAKE2b (RFC 7693, 16 bytes) over length-prefixed parts.

    OpenSSL's HMAC looks its algorithm up for every message, which costs ten times as much.
    """
    message = b"".join([len(part).to_bytes(4, "big") + part for part in parts])
    return hashlib.blake2b(message, key=key, digest_size=MAC_BYTES).digest()
