"""Pages as they must come, taken beforehand and compared with the log: a book of answers.

During a run every page is compared byte for byte with the book (P6), which costs the generator
little; that the book itself is right is proved once, by reading the log with Kafka's own protocol
and projecting the records anew (`python -m loadtests.pages`, a question on standard input).
"""

import asyncio
import mmap
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import orjson

from loadtests import records
from loadtests.readback import ends_of, read

TIMEOUT_SECONDS = 60.0
PARTITION = 0


class Page(msgspec.Struct):
    """One page: asked for by `cursor`, with its place in the file of bodies."""

    cursor: str
    count: int
    start: int
    size: int


class Question(msgspec.Struct):
    """Which pages to take: at most `pages_max` of `limit` records from `cursor` on.

    `offset` is the place in the log that the cursor means, `more` what the query says besides.
    """

    base_url: str
    token: str
    subscription: str
    cursor: str
    offset: int
    limit: int
    pages_max: int
    items: list[str]
    masked: bool
    bootstrap: str
    topic: str
    path: str
    more: str = ""


class Book:
    """The pages of one subscription; bodies stay in the file until they are compared."""

    def __init__(self, path: Path) -> None:
        self.pages = msgspec.json.decode(_index(path).read_bytes(), type=list[Page])
        with path.open("rb") as stream:
            self._bodies = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self.by_cursor = {page.cursor: place for place, page in enumerate(self.pages)}

    def body(self, place: int) -> bytes:
        page = self.pages[place]
        return self._bodies[page.start : page.start + page.size]


def write(question: Question) -> int:
    """Take the pages, prove them against the log, write the book; return how many records."""
    taken = list(_sweep(question))
    asyncio.run(_prove(question, [line for _, body in taken for line in body.splitlines()]))
    path, place = Path(question.path), 0
    index: list[Page] = []
    with path.open("wb") as stream:
        for cursor, body in taken:
            index.append(Page(cursor, body.count(b"\n"), place, len(body)))
            place += stream.write(body)
    _index(path).write_bytes(msgspec.json.encode(index))
    return sum(page.count for page in index)


def _index(path: Path) -> Path:
    return path.with_suffix(".index.json")


def _sweep(question: Question) -> Iterator[tuple[str, bytes]]:
    """Yield full pages, each with the cursor that asks for it."""
    headers, cursor = {"Authorization": f"Bearer {question.token}"}, question.cursor
    path = (
        f"/v1/subscriptions/{question.subscription}/records?limit={question.limit}{question.more}"
    )
    with httpx.Client(base_url=question.base_url, headers=headers, timeout=TIMEOUT_SECONDS) as http:
        for _ in range(question.pages_max):
            answer = http.get(f"{path}&cursor={cursor}")
            answer.raise_for_status()
            if int(answer.headers["Exchange-Count"]) < question.limit:
                return
            yield cursor, answer.content
            cursor = answer.headers["Exchange-Next-Cursor"]


async def _prove(question: Question, lines: Sequence[bytes]) -> None:
    """Compare line by line with the log; ValueError at the first that differs."""
    ends = await ends_of(question.bootstrap, question.topic, [PARTITION])
    log = read(question.bootstrap, question.topic, {PARTITION: question.offset}, ends)
    place = 0
    async for value in _values(log):
        if place == len(lines):
            return
        wanted = expected(question.items, orjson.loads(value), masked=question.masked)
        if orjson.loads(lines[place]) != wanted:
            raise ValueError(f"record {place} is not what the log holds: {lines[place][:200]!r}")
        place += 1
    if place < len(lines):
        raise ValueError(f"{len(lines) - place} records came that the log does not hold")


async def _values(log: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    async for record in log:
        yield record.value


def expected(items: Sequence[str], record: Mapping[str, Any], *, masked: bool) -> dict[str, Any]:
    """Project and mask a record, written anew and slowly, as a second opinion."""
    data = {item: record[item] for item in items if item in record}
    if masked:
        data |= {item: _masked(data[item], mask) for item, mask in records.MASKS.items()}
    return {"op": "upsert", "key": record[records.KEY], "data": data}


def _masked(value: str, mask: Mapping[str, Any]) -> str:
    start, end = int(mask["keep_start"]), len(value) - int(mask["keep_end"])
    return value[:start] + "***" + value[end:]


def main() -> None:
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    sys.stdout.write(str(write(question)))


if __name__ == "__main__":
    main()
