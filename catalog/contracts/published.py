"""What it takes to read records of a version, and what a newer one would change; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.contracts.model import Contract, DataType
from catalog.entries import ShareType


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


@dataclass(frozen=True, slots=True)
class Stated:
    """What one version says to those who read its records."""

    number: int
    contract: Contract
    record: RecordVersion
    share_type: str

    @property
    def is_shared(self) -> bool:
        return self.share_type != ShareType.NONE


@dataclass(frozen=True, slots=True)
class Revision:
    """`before` is in force, None where nothing is; `after` is the newest version."""

    resource_id: str
    partitions: int
    before: Stated | None
    after: Stated
    known: Mapping[int, RecordVersion]
