"""Record keys in addresses: one percent-encoded segment, told to nobody and written down nowhere.

A key may be a person's number, and hold a slash or a line break.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.convertors import Convertor, register_url_convertor

from kernel.errors import NotFound

# As a raw address is cut at its slashes: "", "v1", a noun, an id, "records", the key.
SEGMENTS: Final = 6
_KEYED: Final = re.compile(r"(/v1/(?:resources|subscriptions)/[^/]+/records/).+", re.DOTALL)


class KeyConvertor(Convertor[str]):
    """Matches the rest of a decoded address, whatever it holds; `key_in` tells what it means."""

    regex = r"(?s:.+)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("key", KeyConvertor())


def key_in(raw_path: bytes) -> str:
    """Return the key of an address as it came; NotFound for what cannot be one."""
    segments = raw_path.split(b"/")
    if len(segments) != SEGMENTS:
        raise NotFound
    try:
        key = unquote_to_bytes(segments[-1]).decode()
    except UnicodeDecodeError as error:
        raise NotFound from error
    if not key:
        raise NotFound
    return key


def keyless(path: str) -> str:
    """Return an address as it may be written down and told: without the key that it names."""
    return _KEYED.sub(r"\1{key}", path)
