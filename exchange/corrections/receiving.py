"""Who received the value that a correction is about (P13); pure.

A record was handed on to a subscription where the record of delivered ranges covers its place and
the terms under which it was looked at show it. It carries the disputed value where one of the
disputed items has it, or, where no item is named, where it has all values of the disputed record.
Such a value was received in any form but masked `full` or `null`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from exchange.delivery.projection.mask import Kind
from exchange.delivery.projection.record import RecordProjection
from exchange.delivery.projection.views import Terms, VersionView, view_of
from exchange.metering.evidence.delivered import Handed, Under

HIDING: Final = frozenset({Kind.FULL, Kind.NULL})
_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_scalar: Final = msgspec.json.Decoder(float_hook=Decimal).decode
ABSENT: Final = b"absent"


class Sighting(NamedTuple):
    """A record of the key in the log; deletes are none.

    Without a value it is the disputed record, which the log does not keep any more.
    """

    partition: int
    offset: int
    version: int
    value: bytes | None


TermsOf = Callable[[Under], Terms]
Digest = Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class Disputed:
    """Digests of the disputed values by the names that were granted to who disputes them.

    `whole` says that no item was named. `terms` are those of whoever disputes, at that time.
    """

    terms: Terms
    values: Mapping[str, str]
    whole: bool


def last_received(
    sightings: Iterable[Sighting], handed: Sequence[Handed], terms_of: TermsOf
) -> Sighting | None:
    """Return the last record of the key that was handed on as a row, whatever its masks hide."""
    received = [
        sighting
        for sighting in sightings
        if any(
            each.covers(sighting.partition, sighting.offset)
            and shows(terms_of(each.under), sighting) is not None
            for each in handed
        )
    ]
    return max(received, key=lambda each: each.offset, default=None)


def affected(
    sightings: Sequence[Sighting], handed: Iterable[Handed], terms_of: TermsOf, disputed: Disputed,
    digest: Digest,
) -> frozenset[str]:  # fmt: skip
    """Return the subscriptions to which a record carrying the disputed value was handed on."""
    carrying = [
        (sighting, names)
        for sighting in sightings
        if (names := carried(disputed, sighting, digest))
    ]
    looks = _Looks(terms_of)
    return frozenset(
        each.under.subscription_id
        for each in handed
        for sighting, names in carrying
        if each.covers(sighting.partition, sighting.offset)
        and not names.isdisjoint(looks.at(each.under, sighting))
    )


@dataclass(slots=True)
class _Looks:
    """What terms show of records, each asked once."""

    terms_of: TermsOf
    known: dict[tuple[Under, Sighting], frozenset[str]] = field(default_factory=dict)

    def at(self, under: Under, sighting: Sighting) -> frozenset[str]:
        if (under, sighting) not in self.known:
            shown = shows(self.terms_of(under), sighting)
            self.known[under, sighting] = shown or frozenset()
        return self.known[under, sighting]


def shows(terms: Terms, sighting: Sighting) -> frozenset[str] | None:
    """Return which items of a record are shown in some form, None where the row is hidden.

    The names are those of the record's own version.
    """
    known = terms.versions.get(sighting.version)
    if known is None or not known.items:
        return None
    view = view_of(terms, sighting.version)
    value = sighting.value
    if value is not None and view.filtered and not RecordProjection(view).passing([value])[0]:
        return None
    return frozenset(
        item.name for item in view.items if item.mask is None or item.mask.kind not in HIDING
    )


def values(
    terms: Terms, sighting: Sighting, items: Collection[str], digest: Digest
) -> dict[str, str]:
    """Return digests of the values of granted items, those that the record's version has.

    Without `items` those of all granted items that are not of the key, of all where there are no
    others.
    """
    view = view_of(terms, sighting.version)
    names = {item.granted: item.name for item in view.items}
    wanted = [name for name in items or _beside_key(view) if name in names]
    members = _members(sighting.value or b"{}")
    return {name: digest(canonical(members.get(names[name]))) for name in wanted}


def _beside_key(view: VersionView) -> list[str]:
    keys = {field.name for field in view.key_items}
    others = [item.granted for item in view.items if item.name not in keys]
    return others or [item.granted for item in view.items]


def carried(disputed: Disputed, sighting: Sighting, digest: Digest) -> frozenset[str]:
    """Return which items of a record carry the disputed value, by their names in its version."""
    known = disputed.terms.versions.get(sighting.version)
    if known is None or not known.items:
        return frozenset()
    view = view_of(disputed.terms, sighting.version)
    names = {item.granted: item.name for item in view.items}
    if sighting.value is None:
        return frozenset(names[item] for item in disputed.values if item in names)
    own = values(disputed.terms, sighting, list(disputed.values), digest)
    same = {item for item, value in own.items() if value == disputed.values[item]}
    if disputed.whole and len(same) < len(disputed.values):
        return frozenset()
    return frozenset(names[item] for item in same)


def canonical(token: Raw | None) -> bytes:
    """Return one text for each value, however JSON writes it."""
    if token is None:
        return ABSENT
    value: Any = _scalar(bytes(token))
    if isinstance(value, bool) or value is None:
        return f"word {value}".encode()
    if isinstance(value, int | Decimal):
        number = Decimal(value)
        return b"number 0" if not number else f"number {number.normalize()}".encode()
    return b"text " + str(value).encode()
