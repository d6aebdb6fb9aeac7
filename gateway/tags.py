"""Entity tags (RFC 9110 section 8.8.3): a revision, and behind it what the answer was."""

import re
import zlib
from typing import Final

from kernel.errors import Stale

TAGS_MAX: Final = 20
_TAG: Final = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)')
_REVISION: Final = re.compile(r"(\d{1,9})(?:-[0-9a-z]+)?", re.ASCII)


def revision_of(if_match: str) -> frozenset[int] | None:
    """Return the revisions that an If-Match names, None for `*`; Stale where it names none.

    Tags are compared strongly: a weak one is none of ours.
    """
    if if_match.strip() == "*":
        return None
    revisions = set()
    for weak, opaque in _listed(if_match):
        revision = _REVISION.fullmatch(opaque)
        if revision is not None and not weak:
            revisions.add(int(revision[1]))
    if not revisions:
        raise Stale
    return frozenset(revisions)


def of_answer(tag: bytes, body: bytes) -> bytes:
    """Return the tag of an answer.

    A strong one is its thing's. A weak one tells of counts and lags too, which have no revision:
    their text stands for them.
    """
    if not tag.startswith(b"W/"):
        return tag
    return b'%b-%08x"' % (tag.removesuffix(b'"'), zlib.crc32(body))


def of_text(text: str) -> str:
    """Return the tag of what is nothing but its text."""
    return f'"{zlib.crc32(text.encode()):08x}"'


def matches(if_none_match: bytes, tag: bytes) -> bool:
    """Whether one of the listed tags is this one, compared weakly."""
    value = if_none_match.decode("latin-1")
    if value.strip() == "*":
        return True
    own = tag.decode("latin-1").removeprefix("W/").strip('"')
    return any(opaque == own for _weak, opaque in _listed(value))


def _listed(header: str) -> list[tuple[bool, str]]:
    """Return (weak, opaque part) of each tag of a list; none for what is no list of tags."""
    tags: list[tuple[bool, str]] = []
    at = 0
    header = header.strip()
    while at < len(header):
        match = _TAG.match(header, at)
        if match is None or len(tags) >= TAGS_MAX:
            return []
        tags.append((match[1] is not None, match[2]))
        at = match.end()
    return tags
