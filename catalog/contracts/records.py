"""One record in full: every error of a line, and its key where the key items are right."""

import json
from collections.abc import Iterator, Sequence
from typing import Final, NoReturn

from catalog.contracts.keys import KEY_BYTES_MAX, join_key, key_text
from catalog.contracts.lines import deep_error, too_deep
from catalog.contracts.model import DataType, Field
from catalog.contracts.reasons import TWICE, Reasons, of_record
from catalog.contracts.rules import Number, faults_of
from kernel.errors import FieldError

_NAME_SHOWN_MAX: Final = 100


class Members(list[tuple[str, object]]):
    """The members of a JSON object, names that stand twice included."""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=_refuse
)


class Examiner:
    """Reads a record the slow and certain way."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = [(field, faults_of(field), Reasons(field)) for field in fields]
        self._reasons = {field.name: reasons for field, _, reasons in self._fields}
        self._keys = [field for field in fields if field.key]
        self._key_path = ",".join(field.name for field in self._keys)

    def examine(self, line: bytes, index: int) -> tuple[list[FieldError], bytes | None]:
        """All errors of a line of valid UTF-8, and the key unless a key item is wrong."""
        if not line.strip(b" \t\r"):
            return [of_record("empty_line", "", index)], None
        if too_deep(line):
            return [deep_error(index)], None
        try:
            record: object = _STRICT.decode(line.decode())
        except ValueError:
            return [of_record("malformed_json", "", index)], None
        if not isinstance(record, Members):
            return [of_record("wrong_type", "", index)], None
        return self._errors(record, index)

    def repeated(self, index: int) -> FieldError:
        return of_record("duplicate_key", self._key_path, index)

    def _errors(self, record: Members, index: int) -> tuple[list[FieldError], bytes | None]:
        values = dict(record)
        errors = list(self._item_errors(values, index))
        errors += self._name_errors(record, index)
        wrong = {error.path for error in errors}
        if not wrong.isdisjoint(field.name for field in self._keys):
            return errors, None
        key = join_key([_written(field, values[field.name]) for field in self._keys])
        if len(key) > KEY_BYTES_MAX:
            errors.append(of_record("too_long", self._key_path, index))
        return errors, key

    def _item_errors(self, values: dict[str, object], index: int) -> Iterator[FieldError]:
        for field, faults, reasons in self._fields:
            if field.name not in values:
                if field.mandatory:
                    yield reasons.error("missing", index)
            elif (value := values[field.name]) is not None:
                for code in faults(value):
                    yield reasons.error(code, index)
            elif field.mandatory:
                yield reasons.error("null_not_allowed", index)

    def _name_errors(self, record: Members, index: int) -> Iterator[FieldError]:
        seen: set[str] = set()
        for name, _ in record:
            if name not in self._reasons:
                yield of_record("unknown_item", _shown(name), index)
            elif name in seen:
                yield self._reasons[name].error(TWICE, index)
            seen.add(name)


def _written(field: Field, value: object) -> str:
    """The key text of a valid value: -0 is 0, everything else stands as it came."""
    if field.data_type is DataType.INTEGER and isinstance(value, Number):
        return str(int(value))
    return key_text(value)


def _shown(name: str) -> str:
    """An unknown name fit for an answer: short, and without half a surrogate pair."""
    return name[:_NAME_SHOWN_MAX].encode(errors="replace").decode()
