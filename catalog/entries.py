"""What a department writes into the catalogue about one resource; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

# One entry of the catalogue may list several bodies or purposes, or say it in one text.
Wording = str | Sequence[str]
# Fields of an item that are stored only where they say something.
UNSAID = frozenset({"refers_to", "unmasked_reason"})


class ShareType(StrEnum):
    """共享属性 (Order 809 Art 14)."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NONE = "none"


class ShareMode(StrEnum):
    PULL = "pull"
    PUSH = "push"
    QUERY = "query"
    VERIFY = "verify"
    FILE = "file"
    TABLE = "table"
    API = "api"


class OpenType(StrEnum):
    OPEN = "open"
    CONDITIONAL = "conditional"
    CLOSED = "closed"


class UpdateCycle(StrEnum):
    REALTIME = "realtime"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"
    IRREGULAR = "irregular"
    NEVER = "never"
    OTHER = "other"


class ItemRole(StrEnum):
    SOURCE = "source"
    REFERENCE = "reference"


class MaskKind(StrEnum):
    FULL = "full"
    PARTIAL = "partial"
    HASH = "hash"
    NULL = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """信息项: a field of the resource, bound to an element. `mask` is as `api.md` writes it.

    `refers_to` is the source's resource that a reference comes from; `unmasked_reason` says why
    personal data is shown in clear. A query may look for records by a `searchable` item.
    """

    name: str
    label: str
    element: str
    required: bool
    key: bool
    role: ItemRole
    mask: Mapping[str, Any] | None = None
    refers_to: str | None = None
    unmasked_reason: str | None = None
    searchable: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Item":
        return cls(**{**stored, "role": ItemRole(stored["role"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """An assessment that precedes submission (Order 809 Art 12)."""

    passed: bool
    by: str
    date: date
    document: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviews:
    secrecy: Review
    privacy: Review


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A published resource that carries the same data, and why it does not suffice."""

    resource_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """目录条目, with the fields of Order 809 Art 13 and 发改高技〔2017〕1272号."""

    name: str
    abstract: str
    class_code: str
    region_code: str
    format: int
    update_cycle: UpdateCycle
    share_type: ShareType
    share_conditions: Wording | None = None
    share_scope: Wording | None = None
    share_purposes: Wording | None = None
    legal_basis: str | None = None
    share_modes: tuple[ShareMode, ...]
    open_type: OpenType
    grade: int
    items: tuple[Item, ...]
    reviews: Reviews
    partitions: int = 1
    derived_from: tuple[str, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()

    def columns(self) -> dict[str, Any]:
        """Return the fields as JSON and PostgreSQL store them."""
        stored = asdict(self)
        for review in stored["reviews"].values():
            review["date"] = review["date"].isoformat()
        stored["items"] = [_without_unsaid(item) for item in stored["items"]]
        return stored


def _without_unsaid(item: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what an item need not say, so that older versions compare equal."""
    return {name: value for name, value in item.items() if value is not None or name not in UNSAID}
