"""Archives of the audit log: months that are over, in a file that can be verified alone (ADR 0028).

A file is gzipped NDJSON: a head with the place and hash that each chain goes on from, the events
chain by chain, a foot with the places and hashes reached. It is sealed by an event of the log,
which names its SHA-256, and by the hashes themselves: the next file, or the log, goes on from them.
"""

import gzip
import hashlib
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlmodel import col, select

from kernel import audit, audit_check, audit_months
from kernel.actor import SYSTEM
from kernel.audit import CHAINS, FACTS, month_of
from kernel.audit_check import GENESIS, Fault, Verdict
from kernel.errors import Conflict, Text
from kernel.tables import AuditChain, AuditRow

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from kernel.database import Database

ARCHIVED: Final = "audit.archived"
FORMAT: Final = "shuyuan.audit/1"
Heads = dict[int, tuple[int, str]]
"""Of each chain the place and the hash of an event."""


class NothingToArchive(Conflict):
    code = "nothing_to_archive"
    title = Text("没有已结束且尚未归档的月份", "No month is over that is not archived already")


class AuditBroken(Conflict):
    code = "audit_broken"
    title = Text(
        "审计链不完整，先运行 shuyuan audit verify",
        "The log is not whole: run shuyuan audit verify",
    )


class ArchiveExists(Conflict):
    code = "archive_exists"
    title = Text("归档文件已存在，请另取文件名", "The file exists already: name a new one")


class ArchiveUnreadable(Conflict):
    code = "archive_unreadable"
    title = Text("不是可读取的审计归档", "This is no archive of the audit log that can be read")


@dataclass(frozen=True, slots=True)
class Archived:
    """What was archived: months before `end`, into a file with this SHA-256."""

    end: int
    events: int
    digest: str


async def archive(
    database: "Database", path: Path, *, before: int | None, now: datetime
) -> Archived:
    """Write the months that are over, all or those before one, to a new file, and take them off.

    The file is on disk, was read back and its digest is in the log before a row goes. Raises
    NothingToArchive, ArchiveExists, AuditBroken, OSError.
    """
    async with database.snapshot() as session:
        old = await _over(session, before, now)
        if not old:
            raise NothingToArchive
        end = old[-1].end
        bases = await _bases(session)
        try:
            reached, events = await _write(session, path, bases, end)
        except FileExistsError as error:
            raise ArchiveExists from error
        except BaseException:
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - a command, with nobody else on its loop
            raise
    verdict, told = verified_file(path, bases)
    if verdict.faults or told != reached:
        raise AuditBroken
    digest = _digest_of(path)
    async with database.transaction() as session:
        await _seal(session, bases, reached)
        for partition in old:
            await audit_months.remove(session, partition)
        audit.record(
            session,
            SYSTEM,
            ARCHIVED,
            "audit",
            path.name,
            before=end,
            events=events,
            sha256=digest,
            heads={str(chain): list(head) for chain, head in reached.items()},
        )
    return Archived(end, events, digest)


async def verify(session: "AsyncSession", paths: Sequence[Path]) -> Verdict:
    """Verify archives in their order, that they lead up to the log, and the log itself."""
    heads: Heads = dict.fromkeys(range(CHAINS), (0, GENESIS))
    events, faults = 0, list[Fault]()
    sealed = await _sealed(session)
    for path in paths:
        verdict, heads = verified_file(path, heads)
        events += verdict.events
        faults += verdict.faults
        sealed |= _sealed_in(path)
    for path in paths:
        if _digest_of(path) not in sealed:
            faults.append(Fault(0, 0, f"{path.name} is sealed by no event of the log"))
    if paths and not faults:
        bases = await _bases(session)
        faults += [
            Fault(chain, head[0], "does not follow its archive")
            for chain, head in bases.items()
            if heads[chain] != head
        ]
    own = await audit_check.verify(session)
    return Verdict(events + own.events, (*faults, *own.faults))


def verified_file(path: Path, heads: Mapping[int, tuple[int, str]]) -> tuple[Verdict, Heads]:
    """Recompute the chains of a file from where they should begin; return where they end."""
    reached, events, faults = dict(heads), 0, dict[int, Fault]()
    lines = _lines(path)
    head = next(lines, {})
    if head.get("format") != FORMAT:
        raise ArchiveUnreadable
    if _heads_of(head) != reached:
        faults[0] = Fault(0, 0, f"{path.name} does not follow what is before it")
    for line in lines:
        if "heads" in line:
            if _heads_of(line) != reached and not faults:
                faults[0] = Fault(0, 0, f"{path.name} ends otherwise than it says")
            return Verdict(events, tuple(faults.values())), reached
        row = _row(line)
        events += 1
        if row.chain not in faults and (fault := audit_check.check(row, *reached[row.chain])):
            faults[row.chain] = fault
        reached[row.chain] = (row.seq, row.hash)
    faults[0] = Fault(0, 0, f"{path.name} has no end")
    return Verdict(events, tuple(faults.values())), reached


async def _over(
    session: "AsyncSession", before: int | None, now: datetime
) -> list[audit_months.Partition]:
    """Return the partitions of which every month is over, as many as are wanted."""
    # For a day a worker whose clock is behind may still write into the month before.
    over = month_of(now - timedelta(days=1))
    end = over if before is None else min(before, over)
    return [each for each in await audit_months.partitions(session) if each.end <= end]


async def _bases(session: "AsyncSession") -> Heads:
    heads = (await session.exec(select(AuditChain).order_by(col(AuditChain.chain)))).all()
    return {head.chain: audit_check.base_of(head) for head in heads}


async def _write(session: "AsyncSession", path: Path, bases: Heads, end: int) -> tuple[Heads, int]:
    """Write the file and have it on disk; AuditBroken where a chain is not whole."""
    reached, events = dict(bases), 0
    with path.open("xb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        _put(file, {"format": FORMAT, "before": end, "heads": _told(bases)})
        async for row in _old_rows(session, end):
            if audit_check.check(row, *reached[row.chain]) is not None:
                raise AuditBroken
            _put(file, _facts(row))
            reached[row.chain] = (row.seq, row.hash)
            events += 1
        _put(file, {"heads": _told(reached), "events": events})
        file.close()
        raw.flush()
        os.fsync(raw.fileno())
    return reached, events


async def _old_rows(session: "AsyncSession", end: int) -> AsyncIterator[AuditRow]:
    for chain in range(CHAINS):
        async for row in audit_check.rows_of(session, chain, end - 1):
            yield row


async def _seal(session: "AsyncSession", bases: Heads, reached: Heads) -> None:
    """Move the chains' bases; Conflict where another archive was made meanwhile."""
    query = select(AuditChain).order_by(col(AuditChain.chain)).with_for_update()
    for head in (await session.exec(query.execution_options(populate_existing=True))).all():
        if audit_check.base_of(head) != bases[head.chain]:
            raise NothingToArchive
        head.archived_seq, head.archived_hash = reached[head.chain]
        session.add(head)
    await session.flush()


async def _sealed(session: "AsyncSession") -> set[str]:
    """Return the digests of archives that the log vouches for."""
    rows = await session.exec(select(AuditRow.details).where(AuditRow.event == ARCHIVED))
    return {str(details.get("sha256")) for details in rows.all()}


def _sealed_in(path: Path) -> set[str]:
    """Return the digests of archives that an archive vouches for: its events were the log's."""
    return {
        str(line["details"].get("sha256")) for line in _lines(path) if line.get("event") == ARCHIVED
    }


def _facts(row: AuditRow) -> dict[str, Any]:
    facts = {name: getattr(row, name) for name in FACTS}
    return {**facts, "at": row.at.isoformat(), "hash": row.hash, "period": row.period}


def _row(line: Mapping[str, Any]) -> AuditRow:
    try:
        return AuditRow(**{**line, "at": datetime.fromisoformat(line["at"])})
    except (KeyError, TypeError, ValueError) as error:
        raise ArchiveUnreadable from error


def _put(file: gzip.GzipFile, line: Mapping[str, Any]) -> None:
    file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                yield json.loads(line)
    except (OSError, EOFError, ValueError) as error:
        raise ArchiveUnreadable from error


def _told(heads: Heads) -> dict[str, list[object]]:
    return {str(chain): list(head) for chain, head in heads.items()}


def _heads_of(line: Mapping[str, Any]) -> Heads:
    return {int(chain): (int(seq), str(hash_)) for chain, (seq, hash_) in line["heads"].items()}


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
