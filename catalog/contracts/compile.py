"""A contract compiled for the publish path: the fast validation plan."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from catalog.contracts.checked import Checked, Rejected
from catalog.contracts.domains import Domains, bytes_of
from catalog.contracts.lines import split_json, split_ndjson
from catalog.contracts.looks import Looks
from catalog.contracts.model import Checker, Contract, Field
from catalog.contracts.stored import refuse_too_large
from catalog.contracts.usable import check_contract
from kernel.identifiers import Today, any_day
from kernel.turns import Steps, finished

__all__ = ["Checked", "Plan", "Rejected", "compile_plan", "compiling"]

# Decoder, patterns, sentences and the tables of the compiled pass.
_BYTES: Final = 20_000
_BYTES_OF_ITEM: Final = 8_000


class Plan:
    """Checks bodies of records of one contract; safe to share between requests."""

    def __init__(self, contract: Contract, today: Today, domains: Domains) -> None:
        self.contract = contract
        self._records = Looks(contract.fields, today, domains)
        # A code may have left its list since the record came: its key must still be deletable.
        # So may a birth date be refused that was once taken.
        lasting = [_lasting(field) for field in contract.key_fields]
        self._deletes = Looks(lasting, today, domains)

    def parts(self) -> Mapping[int, int]:
        """About how many bytes each part takes up, by its identity: plans share code lists."""
        lists = {id(field.values): bytes_of(field.values or ()) for field in self.contract.fields}
        return {**lists, id(self): _BYTES + _BYTES_OF_ITEM * len(self.contract.fields)}

    def at_once(self, body: bytes, *, deletes: bool = False) -> bool:
        """Whether a body is checked in a few milliseconds whatever it holds: no turns needed."""
        return (self._deletes if deletes else self._records).at_once(body)

    def ndjson(self, body: bytes) -> Steps[Checked]:
        """Check records, a line each.

        Raises EmptyBody, TooManyRecords, LineTooLong, MalformedJson (BOM), InvalidUtf8,
        BatchTooLarge.
        """
        return _bounded(_ndjson(self._records, body), body)

    def json(self, body: bytes) -> Steps[Checked]:
        """Check one record or an array of them; raises as ndjson, and MalformedJson."""
        return _bounded(_json(self._records, body), body)

    def keys_ndjson(self, body: bytes) -> Steps[Checked]:
        """Check deletes: lines that hold the key items only; raises as ndjson."""
        return _bounded(_ndjson(self._deletes, body), body)

    def keys_json(self, body: bytes) -> Steps[Checked]:
        """Check deletes, one object or an array; raises as json."""
        return _bounded(_json(self._deletes, body), body)

    def check_ndjson(self, body: bytes) -> Checked:
        return finished(self.ndjson(body))

    def check_json(self, body: bytes) -> Checked:
        return finished(self.json(body))

    def check_keys_ndjson(self, body: bytes) -> Checked:
        return finished(self.keys_ndjson(body))

    def check_keys_json(self, body: bytes) -> Checked:
        return finished(self.keys_json(body))


def _lasting(field: Field) -> Field:
    """A key item without what may have changed since a record of it came."""
    kept = None if field.checker is Checker.RESIDENT_ID else field.checker
    return replace(field, values=None, checker=kept)


def compile_plan(contract: Contract, today: Today = any_day) -> Plan:
    """The plan, made at once; as compiling."""
    return finished(compiling(contract, today))


def compiling(contract: Contract, today: Today = any_day) -> Steps[Plan]:
    """The plan, with a calendar for birth dates, which are else never in the future.

    Raises UnusableContract or UnsafePattern where no record could be checked by it.
    """
    check_contract(contract)
    domains = Domains(contract.fields)
    yield from domains.prepare()
    return Plan(contract, today, domains)


def _ndjson(looks: Looks, body: bytes) -> Steps[Checked]:
    checked = yield from looks.glance(body)
    if checked is not None:
        return checked
    lines = yield from split_ndjson(body)
    return (yield from looks.check(body, lines, glanced_at=b"\r" not in body))


def _json(looks: Looks, body: bytes) -> Steps[Checked]:
    checked = yield from looks.check(body, (yield from split_json(body)))
    # A line of NDJSON may be broken alone; a JSON body is JSON as a whole or not at all.
    if checked.malformed:
        raise checked.refusal()
    return checked


def _bounded(steps: Steps[Checked], body: bytes) -> Steps[Checked]:
    checked = yield from steps
    # Where records are invalid too, those are what the caller corrects first.
    if not checked.rejected:
        refuse_too_large(checked, len(body))
    return checked
