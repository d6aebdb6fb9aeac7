"""A contract as a msgspec type: what its C decoder can check, it checks.

Patterns, check digits, decimals and moments are left to columns.py; a duplicate name is left to
`members_at_most`, because the decoder keeps the last of them silently.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Raw

from catalog.contracts.domains import Domains
from catalog.contracts.model import DataType, Field
from catalog.contracts.numbers import integer_bounds
from catalog.contracts.rules import lengths

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_QUOTE: Final = ord('"')
_COLON: Final = ord(":")
# Every byte up to the quotation mark becomes one: the white space, "!", and control characters.
_AS_QUOTE: Final = bytes(max(code, _QUOTE) for code in range(256))
_VECTORISE_FROM: Final = 4096


def slot(place: int) -> str:
    """The attribute of an item: its own name may be no identifier."""
    return f"f{place}"


def decoder_of(fields: Sequence[Field], domains: Domains) -> "msgspec.json.Decoder[msgspec.Struct]":
    """Decodes one record; an absent item is UNSET, a decimal stays as it was written."""
    members = [
        (slot(place), _type(field, domains))
        if field.mandatory
        else (slot(place), _nullable(field, domains), UNSET)
        for place, field in enumerate(fields)
    ]
    names = {slot(place): field.name for place, field in enumerate(fields)}
    record = msgspec.defstruct(
        "Record", members, rename=names, kw_only=True, gc=False, forbid_unknown_fields=True
    )
    return msgspec.json.Decoder(record)


def members_at_most(text: bytes) -> int:
    """An upper bound of the object members in a text: exact but for colons inside strings.

    A name's colon follows its closing quote, or white space after that.
    """
    if len(text) < _VECTORISE_FROM:
        return text.translate(_AS_QUOTE).count(b'":')
    codes = np.frombuffer(text, np.uint8)
    members = codes[1:] == _COLON
    members &= codes[:-1] <= _QUOTE
    return int(np.count_nonzero(members))


def _nullable(field: Field, domains: Domains) -> Any:  # noqa: ANN401 - a type made at run time
    kind = _type(field, domains)
    return kind if kind is Raw else kind | None


def _type(field: Field, domains: Domains) -> Any:  # noqa: ANN401 - a type made at run time
    match field.data_type:
        case DataType.INTEGER:
            low, high = integer_bounds(field)
            return Annotated[int, Meta(ge=low, le=high)]
        case DataType.DECIMAL:
            return Raw
        case DataType.BOOLEAN:
            return bool
        case DataType.DATE:
            return date
        case DataType.DATETIME:
            return str
        case DataType.STRING | DataType.CODE:
            return _text(field, domains)


def _text(field: Field, domains: Domains) -> Any:  # noqa: ANN401 - a type made at run time
    domain = domains.of(field)
    if domain is not None and domain.is_short:
        return Literal[domain.words]
    least, most = lengths(field)
    return Annotated[str, Meta(min_length=least, max_length=most)]
