"""Records of a file in batches whose borders and names depend on the records, not on the place.

An edited file so shares its unchanged batches with the one before, and only the others are new.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from shuyuan_client.failures import Failure
from shuyuan_client.record_files import OnFault, Record

# Well below the 8 MiB of a publish, so that a batch of long records is still taken whole.
BATCH_BYTES_MAX = 4 * 1024 * 1024
# So many records that stand twice are named.
DOUBLES_TOLD = 10


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to publish together; `name` is what, apart from them, makes them the same batch."""

    records: list[Record]
    name: str

    @property
    def body(self) -> bytes:
        return b"\n".join(record.text for record in self.records)

    @property
    def key(self) -> str:
        """The Idempotency-Key: the same records are sent under the same one."""
        return hashlib.sha256(f"{self.name}\n".encode() + self.body).hexdigest()

    def without(self, indexes: set[int]) -> "Batch":
        kept = [record for index, record in enumerate(self.records) if index not in indexes]
        return replace(self, records=kept)


def batches(
    records: Iterable[Record], size: int, named: str, *, in_any_order: bool = False
) -> Iterator[Batch]:
    """Share records out, in order; `named` is what, apart from them, makes a run the same run.

    Where a key may stand twice in the file, a batch that changed must be followed by all behind it
    once more: then each is named by what lies before it as well. `in_any_order` says that no key
    does.
    """
    before = hashlib.sha256(named.encode())
    for shared in _shares(records, size):
        yield Batch(shared, named if in_any_order else before.hexdigest())
        if not in_any_order:
            before.update(b"\n".join([*(record.text for record in shared), b""]))


def _shares(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """Cut behind records that their own content marks, so that an edit moves no later border.

    About one record of `size` is marked; a share that finds none ends when it is full.
    """
    waiting: list[Record] = []
    waiting_bytes = 0
    for record in records:
        if waiting and waiting_bytes + len(record.text) > BATCH_BYTES_MAX:
            yield waiting
            waiting, waiting_bytes = [], 0
        waiting.append(record)
        waiting_bytes += len(record.text) + 1
        if len(waiting) == size or _is_marked(record.text, size):
            yield waiting
            waiting, waiting_bytes = [], 0
    if waiting:
        yield waiting


def _is_marked(text: bytes, size: int) -> bool:
    digest = hashlib.blake2b(text, digest_size=8).digest()
    return int.from_bytes(digest) % size == 0


@dataclass(slots=True)
class Survey:
    """What is known of a whole file: how many records, and the lines of each key that stands twice.

    `key` names the items of the key; without any, nothing can be said of it.
    """

    key: Sequence[str]
    count: int = 0
    doubles: dict[bytes, list[int]] = field(default_factory=dict)

    def require_single(self) -> None:
        """Raise Failure where a key stands twice."""
        if self.doubles:
            raise _doubled(self)

    def singles(self, records: Iterable[Record], on_fault: OnFault) -> Iterator[Record]:
        """Yield the records whose key stands once; nobody can say which of the others is meant."""
        for record in records:
            lines = self.doubles.get(_key_of(record.text, self.key) or b"")
            if lines is None:
                yield record
            else:
                on_fault(record, _double(lines, self.key))


def survey(records: Iterable[Record], key: Sequence[str]) -> Survey:
    """Look through a whole file, before anything of it is sent."""
    found, first = Survey(key), dict[bytes, int]()
    for record in records:
        found.count += 1
        digest = _key_of(record.text, key)
        if digest is None:
            continue
        if digest in first:
            found.doubles.setdefault(digest, [first[digest]]).append(record.line)
        else:
            first[digest] = record.line
    return found


def _key_of(text: bytes, key: Sequence[str]) -> bytes | None:
    """Return a digest of the key; None of what has none, which the exchange will refuse."""
    try:
        record = json.loads(text)
        values = [record[name] for name in key]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return hashlib.blake2b(repr(values).encode(), digest_size=16).digest() if values else None


def _doubled(found: Survey) -> Failure:
    """Return what the first keys that stand twice are told in."""
    pairs = [(lines[0], lines[1]) for lines in islice(found.doubles.values(), DOUBLES_TOLD)]
    zh = "；".join(f"第 {a} 行和第 {b} 行" for a, b in pairs)
    en = "; ".join(f"lines {a} and {b}" for a, b in pairs)
    more = len(found.doubles) > DOUBLES_TOLD
    return Failure(
        f"主键（{'、'.join(found.key)}）在文件中重复：{zh}{'等' if more else ''}；"
        "没有提交任何记录，请更正后重试。",
        f"The key ({', '.join(found.key)}) stands twice: {en}{' and more' if more else ''}; "
        "nothing was published. Correct it.",
    )


def _double(lines: Sequence[int], key: Sequence[str]) -> Failure:
    told = ", ".join(str(line) for line in lines[:DOUBLES_TOLD])
    more = len(lines) > DOUBLES_TOLD
    return Failure(
        f"主键（{'、'.join(key)}）在文件中重复：第 {told} 行{'等' if more else ''}；请只保留一行。",
        f"The key ({', '.join(key)}) stands more than once, in lines {told}"
        f"{' and more' if more else ''}; keep one of them.",
    )
