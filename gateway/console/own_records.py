"""最新数据和隔离区: what a department has published, found by key, and records to be corrected."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from fastapi import APIRouter

from catalog.contracts.model import Contract, Field
from exchange.latest.errors import StateIncomplete
from exchange.publishing import by_hand, quarantine_entries
from exchange.publishing.own_records import OwnRecord
from exchange.publishing.publish import OnInvalid
from exchange.publishing.quarantine_entries import Criteria, Entry
from gateway.api.quarantine import as_received
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.uploads import own
from gateway.console.visit import Go, Visit
from gateway.workbooks import records as sheets
from gateway.workbooks.checking import bodies
from kernel.errors import ShuyuanError
from kernel.logging import correlation_id

router = APIRouter()
RECORDS, QUARANTINE = "own_records.html", "quarantine.html"
ADDRESS = "/console/resources/{id}"
UPSERT = "upsert"
TRUTHS = {True: "是", False: "否"}


@dataclass(frozen=True, slots=True)
class Row:
    """The last record of a key; `values` are those of the contract's items."""

    record: OwnRecord
    values: Sequence[object]


@dataclass(frozen=True, slots=True)
class OwnRecordsPage:
    """`found` is whether a key was asked for; `refusal` why nothing can be told yet."""

    resource_id: str
    name: str
    items: Sequence[Field]
    rows: Sequence[Row]
    found: bool
    refusal: ShuyuanError | None
    next_cursor: str | None


@page(router, f"{ADDRESS}/records", RECORDS)
async def latest(visit: Visit) -> OwnRecordsPage:
    name, contract = await own(visit)
    resource_id, refusal, next_cursor = visit.part("id"), None, None
    records: Sequence[OwnRecord] = ()
    try:
        found = await visit.using.bus.own_records.page(visit.principal, resource_id, visit.paging)
        records, next_cursor = found.items, found.next_cursor
    except StateIncomplete as error:
        refusal = error
    rows = [_row(each, contract) for each in records]
    return OwnRecordsPage(
        resource_id, name, contract.fields, rows, found=False, refusal=refusal,
        next_cursor=next_cursor,
    )  # fmt: skip


async def find(visit: Visit) -> OwnRecordsPage:
    """Show the last record of a key, which comes in the body, for no address to hold."""
    name, contract = await own(visit)
    key, resource_id = forms.required(visit, "key"), visit.part("id")
    record, _as_of = await visit.using.bus.own_records.one(visit.principal, resource_id, key)
    return OwnRecordsPage(
        resource_id, name, contract.fields, [_row(record, contract)], found=True, refusal=None,
        next_cursor=None,
    )  # fmt: skip


act(router, f"{ADDRESS}/records", latest, RECORDS)(find)


def _row(record: OwnRecord, contract: Contract) -> Row:
    data = _values(record.value)
    return Row(record, [_shown(data.get(item.name)) for item in contract.fields])


def _values(record: bytes) -> Mapping[str, object]:
    """Return the items of a record, none of what is no object."""
    received = as_received(record)
    data = orjson.loads(record) if not isinstance(received, str) else None
    return data if isinstance(data, dict) else {}


def _shown(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return TRUTHS[value]
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


@dataclass(frozen=True, slots=True)
class Refused:
    """A record in quarantine: as it came, its items to be corrected, and what is wrong with it."""

    entry: Entry
    record: str
    values: Mapping[str, object]
    errors: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    resource_id: str
    name: str
    items: Sequence[Field]
    entries: Sequence[Refused]
    next_cursor: str | None


@page(router, f"{ADDRESS}/quarantine", QUARANTINE)
async def quarantined(visit: Visit) -> QuarantinePage:
    name, contract = await own(visit)
    resource_id = visit.part("id")
    async with visit.writing() as session:
        found = await quarantine_entries.page(
            session, visit.principal, visit.using.bus.quarantine, resource_id, Criteria(),
            visit.paging,
        )  # fmt: skip
    entries = [_refused(visit, each) for each in found.items]
    return QuarantinePage(resource_id, name, contract.fields, entries, found.next_cursor)


def _refused(visit: Visit, entry: Entry) -> Refused:
    values = {name: _shown(value) for name, value in _values(entry.record).items()}
    record = orjson.dumps(as_received(entry.record)).decode()
    return Refused(entry, record, values, [(each.path, visit.say(each)) for each in entry.errors])


async def give_up(visit: Visit) -> Go:
    """Remove records that were sent again elsewhere, or that nobody needs."""
    await _resolve(visit, visit.texts("entry"))
    return _back(visit, N_("已从隔离区移除。"))


async def correct(visit: Visit) -> Go:
    """Publish a record as it was corrected, then take the refused one from quarantine.

    It is read like a row of a sheet: the same conversions, the same checks.
    """
    entry_id, resource_id = forms.required(visit, "entry"), visit.part("id")
    _name, contract = await own(visit)
    await visit.using.gate.take(visit.using.gate.buckets(visit.principal))
    sheet = sheets.read(_as_sheet(visit, entry_id, contract), "record.csv", contract)
    batches = [
        (body, f"console-{hashlib.sha256(body + entry_id.encode()).hexdigest()}")
        for body in bodies(sheet)
    ]
    await by_hand.upload(
        visit.using.database,
        visit.using.bus.publisher,
        visit.principal,
        resource_id,
        batches,
        on_invalid=OnInvalid.REJECT,
        correlation_id=correlation_id.get() or "",
    )
    await _resolve(visit, [entry_id])
    return _back(visit, N_("更正后的记录已入库，并从隔离区移除。"))


def _as_sheet(visit: Visit, entry_id: str, contract: Contract) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    names = [item.name for item in contract.fields]
    writer.writerow(names)
    writer.writerow([visit.text(f"{entry_id}:{name}") or "" for name in names])
    return out.getvalue().encode()


async def _resolve(visit: Visit, entry_ids: Sequence[str]) -> None:
    async with visit.writing() as session:
        await quarantine_entries.resolve(
            session,
            visit.principal,
            visit.using.bus.quarantine,
            visit.part("id"),
            entry_ids=entry_ids,
        )


def _back(visit: Visit, done: str) -> Go:
    return Go(f"/console/resources/{visit.part('id')}/quarantine", done)


act(router, f"{ADDRESS}/quarantine", quarantined, QUARANTINE)(give_up)
act(router, f"{ADDRESS}/quarantine/correct", quarantined, QUARANTINE)(correct)
