"""Files of the platform: encrypted at rest, each under a key of its own, in one folder.

A file is written and flushed first and known by its row afterwards, in the transaction of whatever
it belongs to. A file without a row was written by who died, or whose transaction failed: `sweep`
removes it. Content is AES-256-GCM in frames of FRAME bytes, numbered, the last one marked: what is
cut short, put in another order or moved to another file is no file.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlmodel import col, delete, select

from kernel import clock
from kernel.errors import Gone, TooLarge, Unavailable
from kernel.ids import new_id
from kernel.secretbox import Secretbox
from kernel.tables import BlobRow

if TYPE_CHECKING:
    from kernel.database import ReadSession, WriteSession

FRAME: Final = 256 * 1024
TAG: Final = 16
KEY_BITS: Final = 256
COUNTER_BYTES: Final = 11
LAST, NOT_LAST = b"\x01", b"\x00"
# Longer than any request or job may take between a file and its row.
ORPHAN_HOURS: Final = 24
SWEPT_AT_ONCE: Final = 500
ORPHANS_AT_ONCE: Final = 10_000

Scan = Callable[[AsyncIterable[bytes]], Awaitable[None]]
"""Reads the clear content and raises what keeps it from being accepted."""


class NoPlaceForFiles(Unavailable):
    """This platform names no folder for files."""

    def __init__(self) -> None:
        super().__init__(
            "平台未设置文件存放目录，请系统管理员设置 SHUYUAN_BLOBS_DIR",
            "The platform has no folder for files: ask its operator to set SHUYUAN_BLOBS_DIR",
        )


class FileLost(Gone):
    """A file that its row knows is not there, or is not what was written."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is on disk, and is nothing yet to anybody else."""

    id: str
    key: bytes
    bytes: int
    sha256: str


class Blobs:
    """The folder of one platform; gateway and worker share it."""

    def __init__(self, folder: Path | None, scan: Scan | None = None) -> None:
        self._folder = folder
        self._scan = scan

    async def write(self, content: AsyncIterable[bytes], *, most_bytes: int) -> Stored:
        """Write a file of the platform's own; TooLarge beyond `most_bytes`, NoPlaceForFiles."""
        blob_id, key = new_id(), AESGCM.generate_key(KEY_BITS)
        path = self._path(blob_id)
        try:
            size, digest = await _write(path, AESGCM(key), content, most_bytes)
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        return Stored(blob_id, key, size, digest)

    async def receive(self, content: AsyncIterable[bytes], *, most_bytes: int) -> Stored:
        """Write a file that came from outside, and have it scanned; raises what the scan finds."""
        stored = await self.write(content, most_bytes=most_bytes)
        if self._scan is not None:
            try:
                await self._scan(self._frames(stored.id, stored.key))
            except BaseException:
                await self.drop(stored)
                raise
        return stored

    async def drop(self, stored: Stored) -> None:
        """Remove a file that got no row."""
        await asyncio.to_thread(self._path(stored.id).unlink, missing_ok=True)

    def content(self, row: BlobRow, box: Secretbox) -> AsyncIterator[bytes]:
        """Yield the clear content; raises FileLost."""
        return self._frames(row.id, box.decrypt(row.key))

    async def part(
        self, row: BlobRow, box: Secretbox, start: int, end: int
    ) -> AsyncIterator[bytes]:
        """Yield the clear content from `start` to before `end`, frames at most; FileLost."""
        first = start // FRAME
        place = first * FRAME
        frames = self._frames(row.id, box.decrypt(row.key), first)
        async with aclosing(frames):
            while place < end:
                frame = await anext(frames, None)
                if frame is None:
                    raise FileLost
                yield frame[max(0, start - place) : end - place]
                place += FRAME

    async def whole(self, row: BlobRow, box: Secretbox) -> bytes:
        """Return the clear content of a file that is small enough to be held."""
        return b"".join([frame async for frame in self.content(row, box)])

    async def _frames(self, blob_id: str, key: bytes, first: int = 0) -> AsyncGenerator[bytes]:
        """Yield the clear frames, the number `first` and those behind it."""
        cipher, path = AESGCM(key), self._path(blob_id)
        try:
            size = (await asyncio.to_thread(path.stat)).st_size
            with await asyncio.to_thread(path.open, "rb") as file:
                number = first
                read = first * (FRAME + TAG)
                await asyncio.to_thread(file.seek, read)
                while read < size:
                    frame = await asyncio.to_thread(file.read, FRAME + TAG)
                    read += len(frame)
                    mark = LAST if read >= size else NOT_LAST
                    yield cipher.decrypt(_nonce(number, mark), frame, None)
                    number += 1
        except (FileNotFoundError, InvalidTag) as error:
            raise FileLost from error

    async def sweep(self, session: "WriteSession", now: datetime) -> int:
        """Forget files past their day, and remove some that no row knows; return how many."""
        if self._folder is None:
            return 0
        expired = select(BlobRow.id).where(col(BlobRow.expires_at) < now).limit(SWEPT_AT_ONCE)
        ended = list((await session.exec(expired)).all())
        if ended:
            await session.exec(delete(BlobRow).where(col(BlobRow.id).in_(ended)))
        before = (now - timedelta(hours=ORPHAN_HOURS)).timestamp()
        # A folder of 256 at a time: all of them within two days.
        folder = self._folder / secrets.token_hex(1)
        old = await asyncio.to_thread(_older, folder, before)
        known = select(BlobRow.id).where(col(BlobRow.id).in_(old))
        orphans = set(old) - set((await session.exec(known)).all())
        await asyncio.to_thread(self._remove, [*ended, *orphans])
        return len(ended)

    def _remove(self, blob_ids: list[str]) -> None:
        for blob_id in blob_ids:
            self._path(blob_id).unlink(missing_ok=True)

    def _path(self, blob_id: str) -> Path:
        if self._folder is None:
            raise NoPlaceForFiles
        return self._folder / blob_id[-2:] / blob_id


def add(
    session: "WriteSession",
    box: Secretbox,
    stored: Stored,
    *,
    media: str,
    name: str,
    expires_at: datetime | None = None,
) -> BlobRow:
    """Make a written file known in the transaction of what it belongs to."""
    row = BlobRow(
        id=stored.id,
        key=box.encrypt(stored.key),
        bytes=stored.bytes,
        sha256=stored.sha256,
        media=media,
        name=name,
        created_at=clock.now(),
        expires_at=expires_at,
    )
    session.add(row)
    return row


async def find(session: "ReadSession", blob_id: str) -> BlobRow | None:
    return await session.get(BlobRow, blob_id)


async def _write(
    path: Path, cipher: AESGCM, content: AsyncIterable[bytes], most_bytes: int
) -> tuple[int, str]:
    """Encrypt into a new file, flushed to the disk; return the clear size and SHA-256."""
    digest, waiting, size, number = hashlib.sha256(), bytearray(), 0, 0
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
    descriptor = await asyncio.to_thread(os.open, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        async for part in content:
            size += len(part)
            if size > most_bytes:
                raise TooLarge(limit_bytes=most_bytes)
            digest.update(part)
            waiting += part
            # One byte more than a frame: whether a frame is the last one is known then.
            while len(waiting) > FRAME:
                frame = bytes(waiting[:FRAME])
                del waiting[:FRAME]
                await asyncio.to_thread(_put, file, cipher, _nonce(number, NOT_LAST), frame)
                number += 1
        await asyncio.to_thread(_put, file, cipher, _nonce(number, LAST), bytes(waiting))
        await asyncio.to_thread(_flush, file, path.parent)
    return size, digest.hexdigest()


def _nonce(number: int, mark: bytes) -> bytes:
    """Each file has a key of its own: its frames need only differ from each other."""
    return number.to_bytes(COUNTER_BYTES, "big") + mark


def _put(file: BinaryIO, cipher: AESGCM, nonce: bytes, frame: bytes) -> None:
    file.write(cipher.encrypt(nonce, frame, None))


def _flush(file: BinaryIO, folder: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _older(folder: Path, before: float) -> list[str]:
    """Return names of files written before then, some at a time."""
    older = (path.name for path in folder.glob("*") if path.stat().st_mtime < before)
    return list(islice(older, ORPHANS_AT_ONCE))
