"""What the demo proves, and how it says that it could not."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shuyuan_client.failures import Failure

Record = Mapping[str, Any]


class ProofFailed(Failure):
    """Something did not come out as the demo claims."""


def require(fact: bool, chinese: str, english: str) -> None:  # noqa: FBT001 - the fact itself
    """Raise ProofFailed unless the fact is true."""
    if not fact:
        raise ProofFailed(f"演示的证明未通过：{chinese}。", f"The demo could not prove: {english}.")


def only(records: Iterable[Record], items: Sequence[str]) -> list[Record]:
    """Return the records with these items alone: what was approved."""
    return [{item: record[item] for item in items if item in record} for record in records]


def line_of(record: Record) -> str:
    """Return a record in the one form that digests are made of."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(records: Iterable[Record]) -> str:
    """Return the SHA-256 of the records in canonical form, whatever their order."""
    return hashlib.sha256("\n".join(sorted(map(line_of, records))).encode()).hexdigest()


def require_same(arrived: Sequence[Record], approved: Sequence[Record]) -> str:
    """Prove that what arrived is what was approved, by count and digest; return the digest."""
    require(
        len(arrived) == len(approved),
        f"应到 {len(approved):,} 条，实到 {len(arrived):,} 条",
        f"{len(approved):,} records should arrive, {len(arrived):,} did",
    )
    expected, found = digest(approved), digest(arrived)
    require(
        found == expected,
        f"摘要不一致：获批 {expected[:16]}，实到 {found[:16]}",
        f"the digests differ: approved {expected[:16]}, arrived {found[:16]}",
    )
    return found
