"""What it takes to read records of a version that was once published; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.contracts.model import DataType


@dataclass(frozen=True, slots=True)
class RecordItem:
    """An item as records of one version have it; its mask is as the entry writes it."""

    name: str
    data_type: DataType
    key: bool
    element: str
    mask: Mapping[str, Any] | None = None
    searchable: bool = False


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """The items of one version, in the order of its contract."""

    number: int
    items: tuple[RecordItem, ...]
