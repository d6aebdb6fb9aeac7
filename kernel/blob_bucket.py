"""Files in a bucket of an S3 store, by obstore (docs/adr/0050).

A file is a row of objects of FRAMES each, `<last two of its id>/<id>/<number>`: an object is there
whole or not at all, and what a dead writer left is listed. An upload in parts would be neither seen
by a listing nor ended by anybody but who began it.
"""

import logging
import re
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

from kernel.blob_store import (
    ORPHANS_AT_ONCE,
    SEALED,
    FileLost,
    StoreAway,
    StoreFull,
    any_part,
    path_of,
)

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Store

log = logging.getLogger(__name__)

FRAMES: Final = 16
"""Frames of an object: 4 MiB, held in memory while they are sent."""
WINDOW: Final = 4
"""Frames that are asked for at once: no connection to the store waits for a slow reader."""
PATIENCE: Final = timedelta(seconds=20)
CONNECT: Final = timedelta(seconds=5)
RETRIES: Final = 2
LISTED_AT_ONCE: Final = 1000
FULL: Final = frozenset(
    {"QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "InsufficientStorage"}
)
CODE: Final = re.compile(r"<Code>(\w{1,64})</Code>")
STATUS: Final = re.compile(r"status code: (\d{3})")
NO_ROOM: Final = "507"
DISTRUST: Final = "InvalidCertificate"
UNTRUSTED: Final = "its certificate is not trusted: SHUYUAN_BUCKET_CA_FILE"

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and how to get in; `authorities` are certificates (PEM) beside the system's."""

    endpoint: str
    bucket: str
    prefix: str
    region: str
    key_id: str
    secret: str = field(repr=False)
    authorities: bytes | None = None
    patience: timedelta = PATIENCE


class Bucket:
    """The store of one process; obstore's threads do not outlive a fork, so it opens when asked."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def write(self, blob_id: str, frames: AsyncIterable[bytes]) -> None:
        number, waiting = 0, list[bytes]()
        async for frame in frames:
            waiting.append(frame)
            if len(waiting) == FRAMES:
                await self._put(blob_id, number, waiting)
                number, waiting = number + 1, []
        if waiting:
            await self._put(blob_id, number, waiting)

    async def read(self, blob_id: str, numbers: range) -> AsyncGenerator[bytes]:
        number = numbers.start
        while number < numbers.stop:
            segment, first = divmod(number, FRAMES)
            count = min(numbers.stop - number, FRAMES - first, WINDOW)
            asked = self._store.get_range_async(
                _path(blob_id, segment), start=first * SEALED, length=count * SEALED
            )
            window = bytes(await _answered(asked))
            for place in range(0, count * SEALED, SEALED):
                yield window[place : place + SEALED]
            number += count

    async def remove(self, blob_ids: Sequence[str]) -> None:
        for blob_id in blob_ids:
            paths = [path async for path, _at in self._listed(path_of(blob_id))]
            if paths:
                await _answered(self._store.delete_async(paths))

    async def old(self, before: datetime) -> list[str]:
        written = dict[str, datetime]()
        async for path, at in self._listed(any_part()):
            blob_id = path.split("/")[-2]
            written[blob_id] = max(at, written.get(blob_id, at))
        return [blob_id for blob_id, at in written.items() if at < before][:ORPHANS_AT_ONCE]

    async def _put(self, blob_id: str, number: int, frames: Sequence[bytes]) -> None:
        path, content = _path(blob_id, number), b"".join(frames)
        await _answered(self._store.put_async(path, content, use_multipart=False))

    async def _listed(self, prefix: str) -> AsyncGenerator[tuple[str, datetime]]:
        chunks = self._store.list(prefix, chunk_size=LISTED_AT_ONCE)
        while (chunk := await _answered(anext(chunks, None))) is not None:
            for found in chunk:
                yield found["path"], found["last_modified"]

    @cached_property
    def _store(self) -> "S3Store":
        from obstore.store import S3Store  # noqa: PLC0415 - optional

        place = self._place
        client: ClientConfig = {
            "allow_http": place.endpoint.startswith("http://"),
            "connect_timeout": min(CONNECT, place.patience),
            "timeout": place.patience,
        }
        if place.authorities is not None:
            client["root_certificate"] = place.authorities
        return S3Store(
            place.bucket,
            prefix=place.prefix or None,
            endpoint=place.endpoint,
            region=place.region,
            access_key_id=place.key_id,
            secret_access_key=place.secret,
            # Some stores want a digest with it that others refuse.
            disable_bulk_delete=True,
            client_options=client,
            retry_config={"max_retries": RETRIES, "retry_timeout": place.patience},
        )


def _path(blob_id: str, segment: int) -> str:
    return f"{path_of(blob_id)}/{segment:05d}"


async def _answered(asked: Awaitable[Answer]) -> Answer:
    """Raise FileLost, StoreFull, StoreAway for what obstore raises."""
    from obstore.exceptions import BaseError  # noqa: PLC0415 - optional

    try:
        return await asked
    except (BaseError, FileNotFoundError, PermissionError) as error:
        raise _problem(error) from None


def _problem(error: Exception) -> FileLost | StoreAway:
    """Tell what it is. The store's own words, which may hold what was signed, go nowhere."""
    told = str(error)
    code, status = CODE.search(told), STATUS.search(told)
    name = code[1] if code else ""
    if isinstance(error, FileNotFoundError) and name in {"", "NoSuchKey"}:
        return FileLost()
    number = status[1] if status else UNTRUSTED if DISTRUST in told else "no answer"
    log.error("the store of files: %s %s %s", type(error).__name__, number, name)
    return StoreFull() if name in FULL or number == NO_ROOM else StoreAway()
