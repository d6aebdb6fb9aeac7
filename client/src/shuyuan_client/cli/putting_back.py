"""Records that a file brings back: stored earlier under the same Idempotency-Key, changed since.

A batch is known by its content. So of x, then y, then x again, the last would be answered as stored
and y would stay. What was answered so is compared with the last records, and what differs is sent
again under another key. After a crash nothing differs, and nothing is sent.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote

from shuyuan_client.batching import Batch
from shuyuan_client.http import ExchangeClient, Json
from shuyuan_client.record_files import Record
from shuyuan_client.refusals import InConflict, NotAllowed, NotFound

# So many records are looked up one by one; for more the receipts are asked first.
FEW: Final = 500
PAGE: Final = 200
# How long an Idempotency-Key is kept, and a day for clocks.
KEPT: Final = timedelta(days=8)
# Receipts are listed within a second or two.
LISTED_SECONDS: Final = 3.0
PATIENCE_SECONDS: Final = 600.0
LOOK_SECONDS: Final = 0.5


class NotComparableError(Exception):
    """Nobody can say here what the last records are."""


@dataclass(slots=True)
class StoredEarlier:
    """What of a file was answered as stored by an earlier try.

    `key` names the items of the key, none where they are not known; `records` has a digest of each
    record by its key. `own` are places in the log that this file took, by partition, and `replayed`
    those of them that an earlier try had taken.
    """

    key: Sequence[str]
    deletes: bool
    records: dict[str, bytes] = field(default_factory=dict)
    own: set[tuple[int, int]] = field(default_factory=set)
    replayed: set[tuple[int, int]] = field(default_factory=set)

    def add(self, batch: Batch, receipt: Json, left_out: set[int], *, replayed: bool) -> None:
        """Note a receipt; `left_out` are the places of records that were not stored by it."""
        places = _places(receipt)
        self.own |= places
        if not replayed:
            return
        self.replayed |= places
        for index, record in enumerate(batch.records if self.key else ()):
            if index not in left_out:
                self.records[key_text(record, self.key)] = digest_of(json_of(record.text))

    def holds(self, record: Record, keys: set[str]) -> bool:
        return key_text(record, self.key) in keys


def changed_since(client: ExchangeClient, resource: str, earlier: StoredEarlier) -> set[str]:
    """Return the keys whose last record is not what the file says.

    Raises NotComparableError where others may have written since and nobody can say what.
    """
    if not earlier.replayed:
        return set()
    if (not earlier.key or len(earlier.records) > FEW) and not _others_wrote(
        client, resource, earlier
    ):
        return set()
    if not earlier.key:
        raise NotComparableError
    try:
        _await_folded(client, resource)
        return set(_differing(client, resource, earlier))
    except (InConflict, NotAllowed) as refusal:
        raise NotComparableError from refusal


def _others_wrote(client: ExchangeClient, resource: str, earlier: StoredEarlier) -> bool:
    """Whether the log has anything of others behind what was answered as stored earlier."""
    time.sleep(LISTED_SECONDS)
    first: dict[int, int] = {}
    for partition, offset in earlier.replayed:
        first[partition] = min(offset, first.get(partition, offset))
    since = (datetime.now(UTC) - KEPT).isoformat()
    params = {"resource_id": resource, "since": since, "limit": str(PAGE)}
    return any(
        place not in earlier.own and place[1] > first.get(place[0], place[1])
        for receipt in _listed(client, "/v1/receipts", params)
        for place in _places(receipt)
    )


def _await_folded(client: ExchangeClient, resource: str) -> None:
    """Wait until the latest state has everything that was stored before now.

    Raises InConflict where it cannot be known, NotComparableError where it takes too long.
    """
    wanted, deadline = None, time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        wait = LOOK_SECONDS
        try:
            answer = client.send("GET", _records(resource), params={"limit": "1"})
        except InConflict as refusal:
            if refusal.retry_after_seconds is None:
                raise
            wait = refusal.retry_after_seconds
        else:
            # A Date has whole seconds: what was stored within this one may lie behind it.
            there = parsedate_to_datetime(answer.headers["Date"]) + timedelta(seconds=1)
            wanted = wanted or there
            if datetime.fromisoformat(answer.json()["as_of"]) >= wanted:
                return
        time.sleep(wait)
    raise NotComparableError


def _differing(client: ExchangeClient, resource: str, earlier: StoredEarlier) -> Iterator[str]:
    """Yield the keys whose last record is another one, or none, or one where none should be."""
    if len(earlier.records) <= FEW:
        for key, digest in earlier.records.items():
            found = _one(client, resource, key)
            if found is not None if earlier.deletes else found != digest:
                yield key
        return
    missing = set(earlier.records)
    for key, found in _all(client, resource):
        if key not in earlier.records:
            continue
        missing.discard(key)
        if earlier.deletes or earlier.records[key] != found:
            yield key
    yield from () if earlier.deletes else missing


def _one(client: ExchangeClient, resource: str, key: str) -> bytes | None:
    try:
        answer = client.send("GET", f"{_records(resource)}/{quote(key, safe='')}")
    except NotFound:
        return None
    return digest_of(json_of(answer.content)["data"])


def _all(client: ExchangeClient, resource: str) -> Iterator[tuple[str, bytes]]:
    params = {"limit": str(PAGE)}
    while True:
        page = json_of(client.send("GET", _records(resource), params=params).content)
        yield from ((each["key"], digest_of(each["data"])) for each in page["items"])
        if page["next_cursor"] is None:
            return
        params["cursor"] = page["next_cursor"]


def _listed(client: ExchangeClient, path: str, params: dict[str, str]) -> Iterator[Json]:
    while True:
        page = client.ask("GET", path, params=params)
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        params = {**params, "cursor": page["next_cursor"]}


def _records(resource: str) -> str:
    return f"/v1/resources/{resource}/records"


def _places(receipt: Json) -> set[tuple[int, int]]:
    return {(run["partition"], run["first_offset"]) for run in receipt["positions"]}


def key_text(record: Record, key: Sequence[str]) -> str:
    """Return the key as the exchange writes it (docs/api.md section 5); "" of what has none."""
    try:
        values = [json_of(record.text)[name] for name in key]
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""
    return "~".join(_part(value) for value in values)


def _part(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("%", "%25").replace("~", "%7E")


def json_of(text: bytes) -> Json:
    """Read JSON whose numbers stay as they were written."""
    read: Json = json.loads(text, parse_float=Number, parse_int=Number)
    return read


class Number(str):
    """A number by its digits, which no text is equal to in a digest."""

    __slots__ = ()


def digest_of(record: object) -> bytes:
    """Return what two records share that hold the same values, whatever the order of items."""
    return hashlib.blake2b(_canonical(record).encode(), digest_size=16).digest()


def _canonical(value: object) -> str:
    if isinstance(value, dict):
        items = sorted((str(name), _canonical(each)) for name, each in value.items())
        return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return f"#{value}" if isinstance(value, Number) else json.dumps(value)
