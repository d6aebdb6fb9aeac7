"""Values of codes in the edition that the consumer named; pure."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from catalog.rules.crosswalks import Crosswalk

UNMAPPED: Final = b'%b,"unmapped":%b'
encode = msgspec.json.Encoder().encode


class Unmapped:
    """Items of records, by the records' identity, whose value has no single one in its edition."""

    def __init__(self) -> None:
        self._items: dict[int, list[str]] = {}

    def apply(self, records: Sequence[Any], field: str, item: str, crosswalk: Crosswalk) -> None:
        """Put values of the edition in the place of others; one that does not fit stays."""
        for record in records:
            text = _text(getattr(record, field))
            if text is None:
                continue
            value = crosswalk.of(text)
            if value is None:
                self._items.setdefault(id(record), []).append(item)
            elif value is not text:
                setattr(record, field, value)

    def told(self, record: Any, data: bytes) -> bytes:  # noqa: ANN401 - the compiled struct
        """Return the data of a record, followed by what its line says of such items."""
        items = self._items.get(id(record))
        return data if items is None else UNMAPPED % (data, encode(items))


def _text(value: Any) -> str | None:  # noqa: ANN401 - any JSON scalar
    """Return a code, None for what is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, Raw):
        written = bytes(value)
        if written[:1] == b'"':
            return msgspec.json.decode(written, type=str)
    return None
