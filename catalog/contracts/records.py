"""One record in full: every error of a line, and its key where the key items are right."""

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, ParamSpec

from catalog.contracts.domains import Domains
from catalog.contracts.keys import KEY_BYTES_MAX, join_key, key_text
from catalog.contracts.lines import deep_error, too_deep
from catalog.contracts.model import DataType, Field
from catalog.contracts.reading import Members, Number, members_of
from catalog.contracts.reasons import TWICE, Reasons, of_record
from catalog.contracts.rules import faults_of, steps_per_character
from kernel.errors import FieldError
from kernel.identifiers import Today
from kernel.turns import Steps

Facts = ParamSpec("Facts")

_NAME_SHOWN_MAX: Final = 100
# What no answer and no text column may hold, and what would show a name as another one.
_HIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_NAMES_AT_ONCE: Final = 2_000
# Characters stepped over between two pauses, about a millisecond; an item counts as some.
_STEPS_AT_ONCE: Final = 100_000
_STEPS_OF_ITEM: Final = 50


class Examined(NamedTuple):
    """`errors` are the first of `error_count`; the key is None where a key item is wrong."""

    errors: list[FieldError]
    error_count: int
    key: bytes | None


class Findings:
    """The first errors of a record, and how many there are: a line may hold 100,000."""

    def __init__(self, most: int) -> None:
        self.listed: list[FieldError] = []
        self.count = 0
        self._most = most

    def add(
        self, make: Callable[Facts, FieldError], *facts: Facts.args, **named: Facts.kwargs
    ) -> None:
        self.count += 1
        if len(self.listed) < self._most:
            self.listed.append(make(*facts, **named))


class Examiner:
    """Reads a record the slow and certain way."""

    def __init__(self, fields: Sequence[Field], today: Today, domains: Domains) -> None:
        self._fields = [
            (
                field,
                faults_of(field, today, domain.members if domain else None),
                Reasons(field, domain.words if domain else ()),
                steps_per_character(field),
            )
            for field, domain in zip(fields, map(domains.of, fields), strict=True)
        ]
        self._reasons = {field.name: reasons for field, _, reasons, _ in self._fields}
        self._keys = [field for field in fields if field.key]
        self._key_names = frozenset(field.name for field in self._keys)
        self._key_path = ",".join(field.name for field in self._keys)

    def examine(self, line: bytes, index: int, most: int) -> Steps[Examined]:
        """All errors of a line of valid UTF-8, at most so many listed."""
        if not line.strip(b" \t\r"):
            return _only(of_record("empty_line", "", index))
        if (yield from too_deep(line)):
            return _only(deep_error(index))
        try:
            members = yield from members_of(line)
        except ValueError:
            return _only(of_record("malformed_json", "", index))
        if members is None:
            return _only(of_record("wrong_type", "", index))
        return (yield from self._examine(members, index, Findings(most)))

    def repeated(self, index: int) -> FieldError:
        return of_record("duplicate_key", self._key_path, index)

    def _examine(self, members: Members, index: int, findings: Findings) -> Steps[Examined]:
        values = {name: value for name, value in members if name in self._reasons}
        yield
        wrong = yield from self._check_items(values, index, findings)
        wrong |= yield from self._check_names(members, index, findings)
        if not wrong.isdisjoint(self._key_names):
            return Examined(findings.listed, findings.count, None)
        key = join_key([_written(field, values[field.name]) for field in self._keys])
        if len(key) > KEY_BYTES_MAX:
            findings.add(of_record, "too_long", self._key_path, index)
        return Examined(findings.listed, findings.count, key)

    def _check_items(
        self, values: dict[str, object], index: int, findings: Findings
    ) -> Steps[set[str]]:
        """The names of the items that are wrong."""
        wrong = set()
        steps = 0
        for field, faults, reasons, per_character in self._fields:
            before = findings.count
            if field.name not in values:
                if field.mandatory:
                    findings.add(reasons.error, "missing", index)
            elif (value := values[field.name]) is not None:
                for code in faults(value):
                    findings.add(reasons.error, code, index)
                if isinstance(value, str):
                    steps += len(value) * per_character
            elif field.mandatory:
                findings.add(reasons.error, "null_not_allowed", index)
            if findings.count > before:
                wrong.add(field.name)
            steps += _STEPS_OF_ITEM
            if steps > _STEPS_AT_ONCE:
                steps = 0
                yield
        return wrong

    def _check_names(self, members: Members, index: int, findings: Findings) -> Steps[set[str]]:
        """The names of the items that stand twice."""
        seen: set[str] = set()
        twice: set[str] = set()
        for count, (name, _) in enumerate(members, 1):
            if count % _NAMES_AT_ONCE == 0:
                yield
            if name not in self._reasons:
                findings.add(_unknown, name, index)
            elif name in seen:
                findings.add(self._reasons[name].error, TWICE, index)
                twice.add(name)
            else:
                seen.add(name)
        return twice


def _only(error: FieldError) -> Examined:
    return Examined([error], 1, None)


def _unknown(name: str, index: int) -> FieldError:
    return of_record("unknown_item", _shown(name), index)


def _written(field: Field, value: object) -> str:
    """The key text of a valid value: -0 is 0, everything else stands as it came."""
    if field.data_type is DataType.INTEGER and isinstance(value, Number):
        return str(int(value))
    return key_text(value)


def _shown(name: str) -> str:
    """An unknown name fit for an answer and for storage: short, and nothing hidden in it."""
    short = name[:_NAME_SHOWN_MAX].encode(errors="replace").decode()
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", short)
