"""What a caller would rather have, by the weights that it gives (RFC 9110 section 12)."""

import re
from functools import lru_cache
from typing import Final

# Of one header; a caller that lists more gets the usual answer.
HEADER_MAX = 1024
KNOWN = 512
_MEMBER = re.compile(rb"\s*([^\s;,]+)\s*((?:;[^,]*)?)")
_WEIGHT = re.compile(rb";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE)
NDJSON: Final = (b"application/x-ndjson", b"application/*", b"*/*")
JSON: Final = (b"application/json", b"application/*", b"*/*")
HTML: Final = (b"text/html", b"text/*", b"*/*")

Weights = dict[bytes, float]


def weights(header: bytes) -> Weights:
    """Return each member of a list, in lower case, with its weight."""
    weights_: Weights = {}
    for member in header[:HEADER_MAX].split(b","):
        match = _MEMBER.match(member)
        if match is not None:
            weight = _WEIGHT.search(match[2])
            weights_[match[1].lower()] = float(weight[1]) if weight else 1.0
    return weights_


def _best(accepted: Weights, names: tuple[bytes, ...]) -> tuple[float, int]:
    """Return the weight of the first of the names that is there, and how exactly it was named."""
    for place, name in enumerate(names):
        if name in accepted:
            return accepted[name], len(names) - place
    return 0.0, 0


@lru_cache(maxsize=KNOWN)
def prefers_json(accept: bytes) -> bool:
    """Whether records should come as one JSON document rather than as lines.

    Whoever names both without a preference gets the document: so do generated clients, which name
    all that an operation answers and read no lines.
    """
    if not accept:
        return False
    accepted = weights(accept)
    document, lines = _best(accepted, JSON), _best(accepted, NDJSON)
    return document > lines or (JSON[0] in accepted and document == lines)


@lru_cache(maxsize=KNOWN)
def prefers_html(accept: bytes) -> bool:
    """Whether an answer should be a page rather than JSON: browsers name pages first."""
    accepted = weights(accept)
    return _best(accepted, HTML) > _best(accepted, JSON)


@lru_cache(maxsize=KNOWN)
def prefers_english(accept_language: bytes) -> bool:
    """Whether sentences should be English; Chinese where both are as welcome, or neither."""
    if not accept_language:
        return False
    english = chinese = 0.0
    accepted = weights(accept_language)
    for name, weight in accepted.items():
        if name.partition(b"-")[0] == b"en":
            english = max(english, weight)
        elif name.partition(b"-")[0] == b"zh":
            chinese = max(chinese, weight)
    return english > chinese
