"""What a record of one resource version must be (promise P2: one standard)."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class DataType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    CODE = "code"


class Checker(StrEnum):
    RESIDENT_ID = "resident_id"
    USCC = "uscc"
    DIVISION_CODE = "division_code"
    MOBILE = "mobile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """An item with the standard of its element.

    Lengths (in characters), `pattern`, `values` and `checker` bind strings and codes; `minimum` and
    `maximum` (both inclusive) and `precision` bind integers and decimals; `scale` binds decimals.
    `values` is the code list in force, None where there is none.
    """

    name: str
    label: str
    data_type: DataType
    required: bool
    key: bool
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    precision: int | None = None
    scale: int | None = None
    values: tuple[str, ...] | None = None
    checker: Checker | None = None

    @property
    def mandatory(self) -> bool:
        """A key item is never missing, whatever the catalogue entry says."""
        return self.required or self.key

    @property
    def textual(self) -> bool:
        return self.data_type in {DataType.STRING, DataType.CODE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    resource_id: str
    version: int
    title: str
    fields: tuple[Field, ...]

    @property
    def key_fields(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if field.key)
