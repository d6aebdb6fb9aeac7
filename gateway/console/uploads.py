"""数据上报: a file is checked row by row first, then loaded; what failed waits in quarantine."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Response

from auth.principal import Role
from catalog import resources, versions
from catalog.contracts.model import Contract
from exchange.publishing import by_hand, quarantine_entries
from exchange.publishing.publish import OnInvalid
from exchange.publishing.quarantine_entries import Criteria
from exchange.publishing.receipts import Receipt
from gateway.api.quarantine import as_received
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from gateway.workbooks import records as sheets
from gateway.workbooks.checking import Report, bodies, check
from gateway.workbooks.importing import XLSX
from gateway.workbooks.records import Sheet
from gateway.workbooks.uploading import book
from kernel.errors import FieldError, Invalid
from kernel.ids import new_id
from kernel.logging import correlation_id
from kernel.paging import PageRequest
from kernel.workdays import local_date

router = APIRouter()
TEMPLATE: Final = "upload.html"
SHOWN_ROWS: Final = 20
ERRORS_SHOWN: Final = 200
QUARANTINED: Final = PageRequest(50)


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in one row of the file, as the person counts rows."""

    row: int
    item: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking a file said; `preview` are the first records as they would be stored."""

    valid: int
    invalid: int
    errors: Sequence[RowError]
    error_count: int
    conversions: Mapping[str, int]
    preview: Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Quarantined:
    id: str
    record: str
    errors: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Upload:
    """The form, what a file came to, and what waits in quarantine; `once` names this form."""

    resource_id: str
    name: str
    contract: Contract
    quarantined: Sequence[Quarantined]
    more: bool
    once: str
    verdict: Verdict | None = None
    receipts: Sequence[Receipt] = field(default=())


@page(router, "/console/resources/{id}/upload", TEMPLATE)
async def upload(visit: Visit) -> Upload:
    return await _upload(visit)


async def own(visit: Visit) -> tuple[str, Contract]:
    """Return name and contract of an entry of the person's own department; raises 403 errors."""
    visit.principal.require_role(Role.CLERK, Role.HEAD)
    resource_id, today = visit.part("id"), local_date(visit.now)
    async with visit.reading() as session:
        shown = await resources.get(session, visit.principal, resource_id)
        visit.principal.require_department(shown.resource.department)
        contract = await versions.shown_contract(session, visit.principal, resource_id, on=today)
    return shown.version.name, contract


async def _upload(
    visit: Visit, verdict: Verdict | None = None, receipts: Sequence[Receipt] = ()
) -> Upload:
    name, contract = await own(visit)
    resource_id, quarantine = visit.part("id"), visit.using.bus.quarantine
    async with visit.writing() as session:
        found = await quarantine_entries.page(
            session, visit.principal, quarantine, resource_id, Criteria(), QUARANTINED
        )
    kept = [_quarantined(visit, each) for each in found.items]
    more = found.next_cursor is not None
    return Upload(resource_id, name, contract, kept, more, new_id(), verdict, receipts)


def _quarantined(visit: Visit, entry: quarantine_entries.Entry) -> Quarantined:
    record = orjson.dumps(as_received(entry.record)).decode()
    return Quarantined(entry.id, record, [(each.path, visit.say(each)) for each in entry.errors])


async def take(visit: Visit) -> Upload | Response:
    """Check the file, and load it where that was asked for and the check allows it.

    Asked for as a `book` it comes back as it was, with its faults in a column.
    """
    using, resource_id = visit.using, visit.part("id")
    sheet = await _sheet(visit, (await own(visit))[1])
    await using.gate.take(using.gate.buckets(visit.principal))
    report = await check(using.bus.dry_runs, visit.principal, resource_id, sheet)
    verdict = _verdict(visit, sheet, report)
    wanted = visit.text("go")
    if wanted == "book":
        return await _book(sheet, report)
    if wanted not in ("load", "load-valid") or sheet.errors:
        return await _upload(visit, verdict)
    if wanted == "load" and verdict.invalid:
        return await _upload(visit, verdict)
    on_invalid = OnInvalid.QUARANTINE if wanted == "load-valid" else OnInvalid.REJECT
    receipts = await by_hand.upload(
        using.database,
        using.bus.publisher,
        visit.principal,
        resource_id,
        _batches(sheet, f"{visit.typed('once')} {on_invalid}"),
        on_invalid=on_invalid,
        correlation_id=correlation_id.get() or "",
    )
    return await _upload(visit, verdict, receipts)


act(router, "/console/resources/{id}/upload", upload, TEMPLATE)(take)


async def _sheet(visit: Visit, contract: Contract) -> Sheet:
    """Read the file in a thread: a workbook takes longer than the loop may wait."""
    sent = visit.upload("file")
    if sent is None:
        raise Invalid(errors=[FieldError("file", "missing", "请选择文件", "choose a file")])
    content = await sent.read()
    return await asyncio.to_thread(sheets.read, content, sent.filename or "", contract)


async def _book(sheet: Sheet, report: Report) -> Response:
    content = await asyncio.to_thread(book, sheet, report, (), dry_run=True)
    named = f"attachment; filename*=UTF-8''{quote('检查结果')}.xlsx"
    headers = {"Cache-Control": "no-store", "Content-Disposition": named}
    return Response(content, media_type=XLSX, headers=headers)


def _verdict(visit: Visit, sheet: Sheet, report: Report) -> Verdict:
    errors = [
        RowError(each.index or 0, each.path, visit.say(each))
        for each in report.errors[:ERRORS_SHOWN]
    ]
    return Verdict(
        valid=report.valid,
        invalid=len(report.invalid),
        errors=errors,
        error_count=report.error_count,
        conversions=sheet.conversions,
        preview=[orjson.loads(line) for line in sheet.lines[:SHOWN_ROWS]],
    )


def _batches(sheet: Sheet, form: str) -> list[tuple[bytes, str]]:
    """Return batches with keys of form and content: a form sent twice stores nothing twice."""
    return [
        (body, f"console-{hashlib.sha256(body + form.encode()).hexdigest()}")
        for body in bodies(sheet)
    ]


async def resolve(visit: Visit) -> Go:
    """Remove records from quarantine that were corrected and sent again, or given up."""
    resource_id = visit.part("id")
    async with visit.writing() as session:
        await quarantine_entries.resolve(
            session,
            visit.principal,
            visit.using.bus.quarantine,
            resource_id,
            entry_ids=visit.texts("entry"),
        )
    return Go(f"/console/resources/{resource_id}/upload", N_("已从隔离区移除。"))


act(router, "/console/resources/{id}/resolve", upload, TEMPLATE)(resolve)
