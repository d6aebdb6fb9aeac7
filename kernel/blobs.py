"""Files of the platform: encrypted at rest, each under a key of its own, in a folder or a bucket.

A file is written for good first and known by its row afterwards, in the transaction of whatever it
belongs to. A file without a row was written by who died, or whose transaction failed: `sweep`
removes it. Content is AES-256-GCM in frames of FRAME bytes, numbered, the last one marked: what is
cut short, put in another order or moved to another file is no file.
"""

import asyncio
import hashlib
import logging
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlmodel import col, delete, select

from kernel import clock
from kernel.blob_store import FRAME, FileLost, Store, StoreAway
from kernel.database import is_undone
from kernel.errors import TooLarge, Unavailable
from kernel.ids import new_id
from kernel.secretbox import Secretbox
from kernel.tables import BlobRow

if TYPE_CHECKING:
    from kernel.database import ReadSession, WriteSession

log = logging.getLogger(__name__)

KEY_BITS: Final = 256
COUNTER_BYTES: Final = 11
LAST, NOT_LAST = b"\x01", b"\x00"
# Longer than any request or job may take between a file and its row.
ORPHAN_HOURS: Final = 24
SWEPT_AT_ONCE: Final = 500
# The database ends a transaction that is idle for a minute.
REMOVAL_SECONDS: Final = 5.0

Scan = Callable[[AsyncIterable[bytes]], Awaitable[None]]
"""Reads the clear content and raises what keeps it from being accepted."""


class NoPlaceForFiles(Unavailable):
    """This platform names no place for files."""

    def __init__(self) -> None:
        super().__init__(
            "平台未设置文件存放位置，请系统管理员设置 SHUYUAN_BLOBS_DIR 或 SHUYUAN_BUCKET_URL",
            "The platform has no place for files: ask its operator to set SHUYUAN_BLOBS_DIR "
            "or SHUYUAN_BUCKET_URL",
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is written, and is nothing yet to anybody else."""

    id: str
    key: bytes
    bytes: int
    sha256: str


class Blobs:
    """The files of one platform; gateway and worker share them."""

    def __init__(self, store: Store | None, scan: Scan | None = None) -> None:
        self._place = store
        self._scan = scan

    async def write(self, content: AsyncIterable[bytes], *, most_bytes: int) -> Stored:
        """Write a file of the platform's own.

        Raises TooLarge beyond `most_bytes`, NoPlaceForFiles, StoreAway and StoreFull.
        """
        blob_id, key = new_id(), AESGCM.generate_key(KEY_BITS)
        sealing = _Sealing(content, key, most_bytes)
        store = self._store
        try:
            async with aclosing(sealing.frames()) as frames:
                await store.write(blob_id, frames)
        except BaseException:
            await self._remove([blob_id])
            raise
        return Stored(blob_id, key, sealing.size, sealing.sha256)

    async def receive(self, content: AsyncIterable[bytes], *, most_bytes: int) -> Stored:
        """Write a file that came from outside, and have it scanned; raises what the scan finds."""
        stored = await self.write(content, most_bytes=most_bytes)
        if self._scan is not None:
            try:
                await self._scan(self.clear(stored))
            except BaseException:
                await self.drop(stored)
                raise
        return stored

    async def drop(self, stored: Stored) -> None:
        """Remove a file that got no row."""
        await self._remove([stored.id])

    @asynccontextmanager
    async def keeping(self, stored: Stored) -> AsyncIterator[None]:
        """Remove a file whose row the block does not write for certain.

        Where the answer to a commit was lost its row may stand: the file stays, and is `sweep`'s
        if it does not.
        """
        try:
            yield
        except BaseException as error:
            if is_undone(error):
                await self.drop(stored)
            raise

    def clear(self, stored: Stored) -> AsyncIterator[bytes]:
        """Yield the clear content of what has no row yet; raises FileLost, StoreAway."""
        return self._frames(stored.id, stored.key, stored.bytes)

    def content(self, row: BlobRow, box: Secretbox) -> AsyncIterator[bytes]:
        """Yield the clear content; raises FileLost, StoreAway."""
        return self._frames(row.id, box.decrypt(row.key), row.bytes)

    async def part(
        self, row: BlobRow, box: Secretbox, start: int, end: int
    ) -> AsyncIterator[bytes]:
        """Yield the clear content from `start` to before `end`, frames at most; as `content`."""
        first = start // FRAME
        place = first * FRAME
        numbers = range(first, -(-end // FRAME))
        frames = self._frames(row.id, box.decrypt(row.key), row.bytes, numbers)
        async with aclosing(frames):
            async for frame in frames:
                yield frame[max(0, start - place) : end - place]
                place += FRAME

    async def whole(self, row: BlobRow, box: Secretbox) -> bytes:
        """Return the clear content of a file that is small enough to be held."""
        return b"".join([frame async for frame in self.content(row, box)])

    async def _frames(
        self, blob_id: str, key: bytes, size: int, numbers: range | None = None
    ) -> AsyncGenerator[bytes]:
        """Yield these clear frames of a file of `size` bytes, or all."""
        cipher, count = AESGCM(key), _count(size)
        asked = range(count) if numbers is None else numbers
        async with aclosing(self._store.read(blob_id, asked)) as sealed:
            for number in asked:
                mark = LAST if number == count - 1 else NOT_LAST
                try:
                    yield cipher.decrypt(_nonce(number, mark), await anext(sealed), None)
                except InvalidTag as error:
                    raise FileLost from error

    async def sweep(self, session: "WriteSession", now: datetime) -> int:
        """Forget files past their day, and remove some that no row knows; return how many."""
        if self._place is None:
            return 0
        expired = select(BlobRow.id).where(col(BlobRow.expires_at) < now).limit(SWEPT_AT_ONCE)
        ended = list((await session.exec(expired)).all())
        if ended:
            await session.exec(delete(BlobRow).where(col(BlobRow.id).in_(ended)))
        orphans = await self._orphans(session, now)
        await self._remove([*ended, *orphans])
        return len(ended)

    async def _orphans(self, session: "WriteSession", now: datetime) -> set[str]:
        try:
            async with asyncio.timeout(REMOVAL_SECONDS):
                old = await self._store.old(now - timedelta(hours=ORPHAN_HOURS))
        except (StoreAway, FileLost, TimeoutError) as error:
            log.warning("files without a row are looked for later: %r", error)
            return set()
        known = select(BlobRow.id).where(col(BlobRow.id).in_(old))
        return set(old) - set((await session.exec(known)).all())

    async def _remove(self, blob_ids: Sequence[str]) -> None:
        """Remove what can be removed now: the rest has no row, and is found by `sweep`."""
        try:
            async with asyncio.timeout(REMOVAL_SECONDS):
                await self._store.remove(blob_ids)
        except (StoreAway, TimeoutError) as error:
            log.warning("%d files are removed later: %r", len(blob_ids), error)

    @property
    def _store(self) -> Store:
        if self._place is None:
            raise NoPlaceForFiles
        return self._place


class _Sealing:
    """Content as it is encrypted; its clear size and SHA-256 are known at its end."""

    def __init__(self, content: AsyncIterable[bytes], key: bytes, most_bytes: int) -> None:
        self._content, self._most = content, most_bytes
        self._cipher, self._number = AESGCM(key), 0
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def frames(self) -> AsyncGenerator[bytes]:
        """Yield encrypted frames; raises TooLarge, and what the content raises."""
        waiting = bytearray()
        async for part in self._content:
            self.size += len(part)
            if self.size > self._most:
                raise TooLarge(limit_bytes=self._most)
            self._digest.update(part)
            waiting += part
            # One byte more than a frame: whether a frame is the last one is known then.
            while len(waiting) > FRAME:
                yield self._sealed(waiting[:FRAME], NOT_LAST)
                del waiting[:FRAME]
        yield self._sealed(waiting, LAST)

    def _sealed(self, frame: bytearray, mark: bytes) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._number, mark), frame, None)
        self._number += 1
        return sealed


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


async def end(session: "WriteSession", blob_id: str, at: datetime) -> None:
    """Let a file be past its day at this moment."""
    row = await session.get(BlobRow, blob_id)
    if row is not None:
        row.expires_at = at
        session.add(row)


def _count(size: int) -> int:
    """Return how many frames a file of so many bytes has; an empty one has one."""
    return max(1, -(-size // FRAME))


def _nonce(number: int, mark: bytes) -> bytes:
    """Each file has a key of its own: its frames need only differ from each other."""
    return number.to_bytes(COUNTER_BYTES, "big") + mark
