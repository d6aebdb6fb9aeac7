"""Code lists as the checks use them, made once for all items and contracts that share one.

A list of 20,000 codes in each of 299 items once took 21 seconds and 96 MB to prepare.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from catalog.contracts.model import DataType, Field
from catalog.contracts.rules import faults_of
from kernel.identifiers import KNOWN_PAST
from kernel.turns import Steps, finished

LISTS_KEPT: Final = 64
"""Lists that are remembered for the next contract: 2 MB each where they are very long."""
LISTED_MAX: Final = 256
"""Codes that the decoder itself knows; a longer list would weigh on every plan."""

_CODES_AT_ONCE: Final = 1_000


class Domain:
    """The codes that an item may have: those of its list that keep its element's other rules."""

    __slots__ = ("allowed", "members", "words")

    def __init__(self, values: tuple[str, ...], allowed: tuple[str, ...]) -> None:
        self.members = frozenset(values)
        self.words = allowed
        self.allowed = self.members if len(allowed) == len(values) else frozenset(allowed)

    @property
    def is_short(self) -> bool:
        return 0 < len(self.words) <= LISTED_MAX


@lru_cache(maxsize=LISTS_KEPT)
def shared(values: tuple[str, ...]) -> tuple[str, ...]:
    """The same list, one object for all who have it."""
    return values


class Domains:
    """The domains of one contract; prepared before they are asked for."""

    def __init__(self, fields: Iterable[Field] = ()) -> None:
        self._known: dict[tuple[object, ...], Domain] = {}
        # Lists are known by their identity, so they must outlive this object.
        self._fields = tuple(fields)

    def prepare(self) -> Steps[None]:
        for field in self._fields:
            if field.values is not None:
                known = _key(field)
                if known not in self._known:
                    self._known[known] = yield from _domain(field)

    def of(self, field: Field) -> Domain | None:
        """The domain of an item, None where it has no code list; KeyError if not prepared."""
        return None if field.values is None else self._known[_key(field)]


def domains_of(fields: Iterable[Field]) -> Domains:
    """The domains, prepared at once."""
    domains = Domains(fields)
    finished(domains.prepare())
    return domains


def _key(field: Field) -> tuple[object, ...]:
    rules = (field.min_length, field.max_length, field.pattern, field.checker, field.key)
    return (id(field.values), *rules)


def _domain(field: Field) -> Steps[Domain]:
    rules = replace(field, name="", label="", required=True, data_type=DataType.CODE)
    values = shared(field.values or ())
    domain = _DOMAINS.get(rules)
    if domain is None:
        # Births that are not surely past are left to the last look, which knows the day.
        faults = faults_of(replace(rules, values=None), lambda: KNOWN_PAST)
        allowed: list[str] = []
        for start in range(0, len(values), _CODES_AT_ONCE):
            portion = values[start : start + _CODES_AT_ONCE]
            allowed += [value for value in portion if not any(True for _ in faults(value))]
            yield
        same = len(allowed) == len(values)
        domain = Domain(values, values if same else tuple(allowed))
        if len(_DOMAINS) >= LISTS_KEPT:
            del _DOMAINS[next(iter(_DOMAINS))]
        _DOMAINS[replace(rules, values=values)] = domain
    return domain


_DOMAINS: Final[dict[Field, Domain]] = {}


def bytes_of(values: Sequence[str]) -> int:
    """About what a list takes up with its set."""
    return 150 * len(values)
