"""Digests of pages and of days, as anybody computes them again (docs/api.md section 5); pure."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

DELETE: Final = b'{"op":"delete"'


class PageFacts(NamedTuple):
    """What is kept of an answer's lines; `deletes` are among `records`."""

    records: int
    deletes: int
    digest: bytes


class NewPage(NamedTuple):
    """A page that is about to leave."""

    subscription_id: str
    day: date
    page: str
    facts: PageFacts


class NamedPage(NamedTuple):
    """A page as one side lists it; `digest` is hexadecimal."""

    page: str
    digest: str


class Difference(NamedTuple):
    """The first page of which two lists say different things."""

    page: str
    problem: str


MISSING, UNKNOWN, CHANGED = "missing", "unknown", "changed"


def of_lines(lines: Sequence[bytes]) -> PageFacts:
    """Return the facts of lines, each of which ends with a line break when it is sent."""
    whole = hashlib.sha256(b"\n".join([*lines, b""])).digest()
    return PageFacts(len(lines), sum(line.startswith(DELETE) for line in lines), whole)


def of_body(body: bytes, records: int) -> PageFacts:
    """Return the facts of a body that is no list of lines."""
    return PageFacts(records, 0, hashlib.sha256(body).digest())


def of_file(subscription_id: str, day: date, name: str, sha256: str, records: int) -> NewPage:
    """Return the page of a file, whose digest is that of its content."""
    return NewPage(subscription_id, day, name, PageFacts(records, 0, bytes.fromhex(sha256)))


def of_day(digests: Iterable[bytes]) -> bytes:
    """Return SHA-256 over the digests of pages, 32 bytes each, in their order."""
    whole = hashlib.sha256()
    for digest in digests:
        whole.update(digest)
    return whole.digest()


def first_difference(own: Sequence[NamedPage], told: Sequence[NamedPage]) -> Difference | None:
    """Return the first page of ours that the other side lacks or has otherwise, or its extra one.

    Pages are compared by their names: a page that was received twice is `unknown` the second time.
    """
    listed: dict[str, list[str]] = {}
    for page, digest in told:
        listed.setdefault(page, []).append(digest)
    for page, digest in own:
        if page not in listed:
            return Difference(page, MISSING)
        if listed[page][0] != digest:
            return Difference(page, CHANGED)
        if len(listed[page]) > 1:
            return Difference(page, UNKNOWN)
    ours = {page for page, _digest in own}
    extra = next((page for page, _digest in told if page not in ours), None)
    if extra is not None:
        return Difference(extra, UNKNOWN)
    swapped = next((a.page for a, b in zip(own, told, strict=True) if a.page != b.page), None)
    return None if swapped is None else Difference(swapped, CHANGED)
