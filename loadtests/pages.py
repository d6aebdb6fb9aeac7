"""Answers as they must come, taken beforehand and compared with the log: a book of pages.

During a run every answer is compared byte for byte with the book (P6), which costs the generator
little; that the book itself is right is proved once, by reading the log with Kafka's own protocol
and projecting the records anew.
"""

import asyncio
import mmap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import msgspec
import orjson

from loadtests import records
from loadtests.readback import ends_of, read
from shuyuan_client.http import ExchangeClient

TIMEOUT_SECONDS = 60.0
PARTITION = 0
JSON, NDJSON = {"Content-Type": "application/json"}, {"Content-Type": "application/x-ndjson"}
# What follows it in the answer to a query is the moment of the answer.
MOMENT = ',"as_of"'


class Page(msgspec.Struct):
    """One answer: what is asked for, with the token at a place; where its bytes lie in the file.

    `sent` is the body of a question that has one.
    """

    target: str
    count: int
    start: int = 0
    size: int = 0
    sent: str = ""
    token: int = 0

    def request(self, host: str, tokens: Sequence[str]) -> bytes:
        method, body = ("POST", self.sent.encode()) if self.sent else ("GET", b"")
        said = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = (
            f"{method} {self.target} HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {tokens[self.token]}\r\n{said}\r\n"
        )
        return head.encode() + body


class Index(msgspec.Struct):
    """`ending` is where an answer ends that goes on with the moment at which it was given."""

    pages: list[Page]
    ending: str = ""


class Book:
    """The pages of one subscription; bodies stay in the file until they are compared."""

    def __init__(self, path: Path) -> None:
        index = msgspec.json.decode(_index(path).read_bytes(), type=Index)
        self.pages, self.ending = index.pages, index.ending
        with path.open("rb") as stream:
            self._bodies = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)

    def body(self, place: int) -> bytes:
        page = self.pages[place]
        return self._bodies[page.start : page.start + page.size]

    def holds(self, place: int, answer: bytes) -> bool:
        """Whether this is the answer that must come."""
        return _upto(answer, self.ending) == self.body(place)

    def consists_of(self, place: int, parts: Sequence[bytes]) -> bool:
        """Whether these are the parts of the answer that must come."""
        if self.ending:
            return self.holds(place, b"".join(parts))
        begin = at = self.pages[place].start
        for part in parts:
            if self._bodies[at : at + len(part)] != part:
                return False
            at += len(part)
        return at - begin == self.pages[place].size


def _upto(answer: bytes, ending: str) -> bytes:
    return answer.partition(ending.encode())[0] if ending else answer


def save(path: Path, taken: Iterable[tuple[Page, bytes]], ending: str = "") -> int:
    """Write a book; return how many records are in it. The same answer lies in it once."""
    places: dict[bytes, int] = {}
    index = Index([], ending)
    with path.open("wb") as stream:
        for page, answer in taken:
            body = _upto(answer, ending)
            if body not in places:
                places[body] = stream.tell()
                stream.write(body)
            page.start, page.size = places[body], len(body)
            index.pages.append(page)
        stream.write(b"\n")  # an empty file cannot be mapped into memory
    _index(path).write_bytes(msgspec.json.encode(index))
    return sum(page.count for page in index.pages)


def _index(path: Path) -> Path:
    return path.with_suffix(".index.json")


class Question(msgspec.Struct, kw_only=True):
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
    items: Sequence[str]
    bootstrap: str
    topic: str
    path: str
    more: str = ""


def write_all(questions: Sequence[Question]) -> list[int]:
    """Write several books, two at a time, each in a process of its own."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return list(pool.map(write, questions))


def write(question: Question) -> int:
    """Take the pages, prove them against the log, write the book; return how many records."""
    taken = list(_sweep(question))
    asyncio.run(_prove(question, [line for _, body in taken for line in body.splitlines()]))
    return save(Path(question.path), taken)


def _sweep(question: Question) -> Iterator[tuple[Page, bytes]]:
    """Yield full pages, each with what asks for it."""
    headers, cursor = {"Authorization": f"Bearer {question.token}"}, question.cursor
    path = f"/v1/subscriptions/{question.subscription}/records"
    with httpx.Client(base_url=question.base_url, headers=headers, timeout=TIMEOUT_SECONDS) as http:
        for _ in range(question.pages_max):
            target = f"{path}?cursor={cursor}&limit={question.limit}{question.more}"
            answer = http.get(target).raise_for_status()
            count = int(answer.headers["Exchange-Count"])
            if count < question.limit:
                return
            yield Page(target, count), answer.content
            cursor = answer.headers["Exchange-Next-Cursor"]


async def _prove(question: Question, lines: Sequence[bytes]) -> None:
    """Compare line by line with the log; ValueError at the first that differs."""
    ends = await ends_of(question.bootstrap, question.topic, [PARTITION])
    log = read(question.bootstrap, question.topic, {PARTITION: question.offset}, ends)
    place = 0
    async for record in log:
        if place == len(lines):
            return
        if orjson.loads(lines[place]) != expected(question.items, orjson.loads(record.value)):
            raise ValueError(f"record {place} is not what the log holds: {lines[place][:200]!r}")
        place += 1
    if place < len(lines):
        raise ValueError(f"{len(lines) - place} records came that the log does not hold")


def expected(items: Sequence[str], record: Mapping[str, Any]) -> dict[str, Any]:
    """Project a record, masked where the grant is narrow: written anew, as a second opinion."""
    data = {item: record[item] for item in items if item in record}
    if items == records.NARROW:
        data |= {item: _masked(data[item], mask) for item, mask in records.MASKS.items()}
    return {"op": "upsert", "key": record[records.KEY], "data": data}


def _masked(value: str, mask: Mapping[str, Any]) -> str:
    start, end = int(mask["keep_start"]), len(value) - int(mask["keep_end"])
    return value[:start] + "***" + value[end:]


def query(client: ExchangeClient, subscription: str, number: int) -> tuple[Page, bytes]:
    """Ask for a record by its key; ValueError unless it is the one that was published."""
    wanted = records.record(number)
    page = Page(f"/v1/subscriptions/{subscription}/records/{wanted[records.KEY]}", 1)
    answer = client.send("GET", page.target)
    if answer.json()["data"] != wanted or MOMENT not in answer.text:
        raise ValueError(f"not the record of its key: {answer.text[:200]}")
    return page, answer.content


def verify(client: ExchangeClient, subscription: str, number: int) -> tuple[Page, bytes]:
    """Ask whether a record is as expected, as nine of ten are; ValueError for a wrong answer."""
    wanted, match = records.record(number), number % 10 > 0
    expect = {"name": wanted["name"] if match else "某某", "birth": wanted["birth"]}
    matter = {"matter": "压测事项", "reference": "压测 0001"}
    sent = orjson.dumps({"key": wanted[records.KEY], "expect": expect, **matter}).decode()
    page = Page(f"/v1/subscriptions/{subscription}/verify", 1, sent=sent)
    answer = client.send("POST", page.target, content=page.sent.encode(), headers=JSON)
    if answer.json() != {"match": match}:
        raise ValueError(f"{answer.text[:200]} instead of {match}")
    return page, answer.content


def download(client: ExchangeClient, subscription: str, count: int) -> tuple[Page, bytes]:
    """Take a snapshot of all that was published; ValueError unless it is just that."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    page, answer = snapshot(client, subscription, count, "ndjson")
    # What was published a moment ago may not be folded yet.
    while answer.count(b"\n") < count and time.monotonic() < deadline:
        page, answer = snapshot(client, subscription, count, "ndjson")
    told = {line["key"]: line["data"] for line in map(orjson.loads, answer.splitlines())}
    if told != {each[records.KEY]: each for each in map(records.record, range(count))}:
        raise ValueError(f"not the {count} records that were published, but {len(told)}")
    return page, answer


def snapshot(
    client: ExchangeClient, subscription: str, count: int, form: str
) -> tuple[Page, bytes]:
    """Have a snapshot made and take it; ValueError where it fails or takes too long."""
    path, deadline = f"/v1/subscriptions/{subscription}/snapshots", time.monotonic()
    deadline += TIMEOUT_SECONDS
    made = client.ask("POST", path, {"format": form})
    while (job := client.ask("GET", f"/v1/jobs/{made['job_id']}"))["status"] != "done":
        if job["status"] == "failed" or time.monotonic() > deadline:
            raise ValueError(f"no snapshot: {job}")
        time.sleep(0.05)
    page = Page(f"{path}/{made['snapshot_id']}/content", count)
    return page, client.send("GET", page.target).content
