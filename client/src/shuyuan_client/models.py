"""What the exchange answers, typed: as its OpenAPI describes it (a test compares both)."""

from typing import Any, Literal

import msgspec


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAPI's `ProblemError`: why a value is refused; `index` is the record's in its batch."""

    path: str
    code: str
    message: str
    index: int | None = None
    allowed: list[str] = []


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAPI's `PositionView`: records in one partition of the log; offsets are inclusive."""

    partition: int
    first_offset: int
    last_offset: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAPI's `ReceiptView`: proof of what was accepted where."""

    receipt_id: str
    resource_id: str
    version: int
    accepted: int
    rejected: int
    positions: list[Run]
    digest: str
    errors: list[FieldError]
    error_count: int = 0


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAPI's `RecordView`: a line of a pull; `data` comes with an upsert alone."""

    op: Literal["upsert", "delete"]
    key: str
    data: dict[str, Any] | None = None
    unmapped: list[str] | None = None
    correction: str | None = None


class Kept(msgspec.Struct):
    """A record in quarantine; `record` is its JSON, byte for byte, or a string that holds it."""

    id: str
    receipt_id: str
    index: int
    op: str
    record: msgspec.Raw
    errors: list[dict[str, Any]]
    error_count: int

    def line(self) -> bytes:
        """Return the record as it was received."""
        raw = bytes(self.record)
        return msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw


class KeptPage(msgspec.Struct):
    items: list[Kept]
    next_cursor: str | None


class Page(msgspec.Struct, frozen=True):
    """A page of records as lines; `lag` is how many places of the log follow it, about."""

    lines: list[bytes]
    next_cursor: str
    lag: int

    def records(self) -> list[Line]:
        """Return the lines, parsed."""
        return [_LINES.decode(line) for line in self.lines]


_LINES = msgspec.json.Decoder(Line)
