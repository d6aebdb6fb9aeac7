"""The Kafka REST v2 API as its clients speak it: names, bodies, what the answers must say."""

from collections.abc import Mapping, Sequence

import msgspec
import orjson

from loadtests import records
from loadtests.tally import Run

FEEDS = ("bridge.feed-1", "bridge.feed-2", "bridge.feed-3")
ARCHIVE = "bridge.archive"
PARTITION = 0
JSON = "application/vnd.kafka.json.v2+json"
JSON_VALUES: Mapping[str, str] = {"Content-Type": JSON}
COMMANDS: Mapping[str, str] = {"Content-Type": "application/vnd.kafka.v2+json"}
POLLS: Mapping[str, str] = {"Accept": JSON}
# About 500 records, as long as they are in the log.
PAGE_BYTES = 500 * 330
POLL_MILLISECONDS = 1000


class Offset(msgspec.Struct):
    partition: int | None = None
    offset: int | None = None
    error_code: int | None = None


class Offsets(msgspec.Struct):
    offsets: list[Offset]


class Fetched(msgspec.Struct):
    topic: str
    partition: int
    offset: int
    value: dict[str, object]


_offsets = msgspec.json.Decoder(Offsets).decode
_fetched = msgspec.json.Decoder(list[Fetched]).decode


def bodies(records_each: int, count: int) -> list[bytes]:
    """Return the bodies of `loadtests.records`, each record with its key."""
    return [_body(body.split(b"\n")) for body in records.bodies(records_each, count)]


def _body(lines: Sequence[bytes]) -> bytes:
    parts = (b'{"key":%b,"value":%b}' % (_key(line), line) for line in lines)
    return b'{"records":[%b]}' % b",".join(parts)


def _key(line: bytes) -> bytes:
    return orjson.dumps(orjson.loads(line)[records.KEY])


def acknowledged(content: bytes, count: int) -> list[Run]:
    """Return the places that an answer to a publish names; ValueError unless it took them all."""
    found = _offsets(content).offsets
    taken = [_run(each) for each in found]
    if len(taken) != count:
        raise ValueError(f"{len(taken)} of {count} accepted")
    return taken


def _run(each: Offset) -> Run:
    if each.error_code or each.partition is None or each.offset is None or each.offset < 0:
        raise ValueError(f"a record was not taken: {each}")
    return each.partition, each.offset, each.offset


class Following:
    """Compares what a consumer gets, record by record, with what lies in the archive."""

    def __init__(self) -> None:
        self._expected = [orjson.loads(line) for line in records.lines()]
        self._next: int | None = None

    def begin_again(self) -> None:
        self._next = 0

    def got(self, content: bytes) -> int:
        """Return how many records came; ValueError at the first that is not the next one."""
        page = _fetched(content)
        for each in page:
            if self._next not in {None, each.offset}:
                raise ValueError(f"offset {each.offset} came instead of {self._next}")
            if each.value != self._expected[each.offset % records.DISTINCT]:
                raise ValueError(f"offset {each.offset} is not what the log holds")
            self._next = each.offset + 1
        return len(page)
