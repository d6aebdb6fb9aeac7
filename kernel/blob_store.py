"""Where the bytes of files lie: what `kernel.blobs` asks of a store, and the folder that is one.

A store sees frames that are encrypted already. It keeps all of a file that `write` returned for,
and may keep some of one whose writer died: `old` names that one again.
"""

import asyncio
import errno
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, ParamSpec, Protocol, TypeVar

from kernel.errors import Gone, Text, Unavailable

FRAME: Final = 256 * 1024
TAG: Final = 16
SEALED: Final = FRAME + TAG
"""Bytes of each encrypted frame but the last one, which may be shorter."""
ORPHANS_AT_ONCE: Final = 10_000
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class FileLost(Gone):
    """A file that its row knows is not there, or is not what was written."""


class StoreAway(Unavailable):
    """The store does not answer, or refuses; its operator finds the reason in the log."""

    title = Text("文件存储暂不可用，请稍后重试", "The store of files does not answer; try later")


class StoreFull(StoreAway):
    title = Text(
        "文件存储空间不足，请稍后重试或联系系统管理员",
        "The store of files is full: try later, or tell the platform's operator",
    )


class Store(Protocol):
    """A place of files. Its errors are StoreAway, StoreFull and, in `read`, FileLost."""

    async def write(self, blob_id: str, frames: AsyncIterable[bytes]) -> None:
        """Keep a file; it is there for good when this returns."""

    def read(self, blob_id: str, numbers: range) -> AsyncGenerator[bytes]:
        """Yield these frames, one by one."""

    async def remove(self, blob_ids: Sequence[str]) -> None:
        """Remove files, or what there is of them."""

    async def old(self, before: datetime) -> list[str]:
        """Name files last written before then: one part of 256 at a time, some at most."""


class Folder:
    """A folder that gateways and workers share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, blob_id: str, frames: AsyncIterable[bytes]) -> None:
        path = self._path(blob_id)
        file = await _on_disk(_created, path)
        try:
            async for frame in frames:
                await _on_disk(file.write, frame)
            await _on_disk(_flush, file, path.parent)
        finally:
            # After a failed write it would fail again, and hide why.
            with suppress(OSError):
                file.close()

    async def read(self, blob_id: str, numbers: range) -> AsyncGenerator[bytes]:
        file = await _on_disk(self._path(blob_id).open, "rb")
        with file:
            await _on_disk(file.seek, numbers.start * SEALED)
            for _ in numbers:
                yield await _on_disk(file.read, SEALED)

    async def remove(self, blob_ids: Sequence[str]) -> None:
        await _on_disk(self._remove, blob_ids)

    async def old(self, before: datetime) -> list[str]:
        folder = self._folder / any_part()
        return await _on_disk(_older, folder, before.timestamp())

    def _remove(self, blob_ids: Sequence[str]) -> None:
        for blob_id in blob_ids:
            self._path(blob_id).unlink(missing_ok=True)

    def _path(self, blob_id: str) -> Path:
        return self._folder / path_of(blob_id)


def path_of(blob_id: str) -> str:
    """Return where every store keeps a file: in one part of 256, by the end of its id."""
    return f"{blob_id[-2:]}/{blob_id}"


def any_part() -> str:
    """Return one part of the 256; `old` looks at another one each time."""
    return secrets.token_hex(1)


async def _on_disk(
    work: Callable[Asked, Answer], *args: Asked.args, **kwargs: Asked.kwargs
) -> Answer:
    """Do it in a thread; raises FileLost, StoreFull, StoreAway."""
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except FileNotFoundError as error:
        raise FileLost from error
    except OSError as error:
        raise (StoreFull if error.errno in FULL else StoreAway) from error


def _created(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _flush(file: BinaryIO, folder: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _older(folder: Path, before: float) -> list[str]:
    older = (path.name for path in folder.glob("*") if path.stat().st_mtime < before)
    return list(islice(older, ORPHANS_AT_ONCE))
