"""One grant's view of one resource: records are read by the version they were published under."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, lru_cache, partial
from typing import Final

from exchange.delivery.projection.record import (
    Fault,
    Lines,
    Reason,
    RecordProjection,
    identity_of_filters,
)
from exchange.delivery.projection.views import Terms, VersionView, view_of

COMPILED_MAX: Final = 16
"""Versions kept at hand for one grant: a page seldom meets more than two."""
UNKNOWN: Final = b"unknown version"


class Projection:
    """Shows what a grant shows. `version` is a record's own, None where its batch names none.

    Where the row filter names an item that is not of the key, a delete or an update that does not
    pass is told as a delete exactly if the record of that key before it in its partition passes
    (docs/api.md section 5): `passing` tells that of predecessors, and `lines` takes the places of
    those records that are told. Without that knowledge they are hidden.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._compiled: OrderedDict[int, RecordProjection] = OrderedDict()
        # What is shown of a version that there is; KeyError for another.
        self.view: Callable[[int], VersionView] = lru_cache(COMPILED_MAX)(partial(view_of, terms))
        self.versions = frozenset(terms.versions)
        self.known = terms.versions

    @cached_property
    def needs_predecessors(self) -> bool:
        """Whether the row filter names an item that is not of the key of some version."""
        terms = self._terms
        return bool(terms.conditions) and any(
            self.view(version).needs_predecessors
            for version, known in terms.versions.items()
            if known.items
        )

    def passing(self, version: int | None, values: Sequence[bytes]) -> Sequence[bool]:
        """Tell of records of one version which are rows of the grant."""
        record_projection = self._of(version)
        return (
            [False] * len(values)
            if record_projection is None
            else record_projection.passing(values)
        )

    @cached_property
    def filter_identity(self) -> bytes:
        """Name all that `passing` depends on, in every version."""
        versions = sorted(self.versions)
        return identity_of_filters(versions, [self.view(version) for version in versions])

    def lines(
        self,
        version: int | None,
        keys: Sequence[bytes],
        values: Sequence[bytes | None],
        left: Collection[int] = (),
        faults: list[Fault] | None = None,
    ) -> Lines:
        """Return one NDJSON line a record, None for a record that the grant does not show.

        All records are of one version. `left` are places of hidden records whose predecessor
        passes. Records that cannot be read go to `faults`, and harm no neighbour.
        """
        faults = [] if faults is None else faults
        record_projection = self._of(version)
        if record_projection is None:
            faults += [Fault(place, Reason.VERSION) for place in range(len(keys))]
            return [None] * len(keys)
        return record_projection.lines(keys, values, left, faults)

    def text(self, version: int | None, keys: bytes, values: bytes, count: int) -> bytes | None:
        """Return the lines of records as one text, where all of them show and none is in doubt.

        Keys and values are a line each, and none is a delete.
        """
        record_projection = self._of(version)
        return None if record_projection is None else record_projection.text(keys, values, count)

    def identity(self, version: int | None) -> bytes:
        """Name all that lines of a version depend on: equal names show the same of each record."""
        record_projection = self._of(version)
        return UNKNOWN if record_projection is None else record_projection.identity

    def _of(self, version: int | None) -> RecordProjection | None:
        if version is None:
            return None
        compiled = self._compiled.get(version)
        if compiled is not None:
            return compiled
        if version not in self.versions or not self._terms.versions[version].items:
            # Forgotten by a restored database, and nobody knows its items any more (ADR 0026).
            return None
        if len(self._compiled) >= COMPILED_MAX:
            self._compiled.popitem(last=False)
        compiled = self._compiled[version] = RecordProjection(self.view(version))
        return compiled
