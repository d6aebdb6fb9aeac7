"""数据上报: a file is checked row by row first, then loaded; what failed waits in quarantine."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import orjson
from fastapi import APIRouter, Response

from auth.principal import Role
from catalog import resources, versions
from catalog.contracts.examples import examples
from catalog.contracts.model import Contract
from exchange.publishing import by_hand, quarantine_entries
from exchange.publishing import columns as remembered
from exchange.publishing.columns import Said
from exchange.publishing.publish import OnInvalid
from exchange.publishing.quarantine_entries import Criteria
from exchange.publishing.receipts import Receipt
from gateway.api.quarantine import as_received
from gateway.console import chosen_files, columns
from gateway.console.chosen_files import Chosen
from gateway.console.columns import Columns
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from gateway.downloads import made
from gateway.once import owner_of
from gateway.workbooks import record_template
from gateway.workbooks import records as sheets
from gateway.workbooks.checking import Report, bodies, check
from gateway.workbooks.importing import CSV, XLSX
from gateway.workbooks.records import HeadingsMisfit, Sheet, TooManyRows
from gateway.workbooks.uploading import KIND, REMEMBERED, book
from kernel import answers, blobs, jobs
from kernel.answers import Answer
from kernel.ids import new_id
from kernel.jobs import NewJob
from kernel.logging import correlation_id
from kernel.paging import PageRequest
from kernel.turns import unhurried
from kernel.workbooks.packed import Oversized
from kernel.workdays import local_date

router = APIRouter()
TEMPLATE: Final = "upload.html"
SHOWN_ROWS: Final = 20
# A larger file is read by a job.
AT_ONCE_MAX: Final = 8 * 1024 * 1024
BEGUN: Final = 202
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
    """What checking a file said.

    `preview` are the first records as they were read, each with its row and whether it is faulty.
    """

    valid: int
    invalid: int
    errors: Sequence[RowError]
    error_count: int
    conversions: Mapping[str, int]
    preview: Sequence[tuple[int, bool, Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Quarantined:
    id: str
    record: str
    errors: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Upload:
    """The form, what a file came to, and what waits in quarantine; `once` names this form.

    `chosen` stands for a file that need not be chosen again (chosen_files.py). `columns` asks which
    of its columns is which item; `said` is what was said of headings before, with the labels of
    items, and `used` how many headings of this file it decided.
    """

    resource_id: str
    name: str
    contract: Contract
    quarantined: Sequence[Quarantined]
    more: bool
    once: str
    verdict: Verdict | None = None
    receipts: Sequence[Receipt] = field(default=())
    chosen: str = ""
    chosen_name: str = ""
    columns: Columns | None = None
    said: Mapping[str, str | None] = field(default_factory=dict)
    used: int = 0


@page(router, "/console/resources/{id}/upload", TEMPLATE)
async def upload(visit: Visit) -> Upload:
    # Refused, the form still has its file, and the columns as they were chosen.
    file = chosen_files.again(visit, visit.part("id")) if visit.error else None
    return await _upload(visit, file=file)


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
    visit: Visit,
    verdict: Verdict | None = None,
    receipts: Sequence[Receipt] = (),
    file: Chosen | None = None,
    asked: Columns | None = None,
    used: int = 0,
) -> Upload:
    name, contract = await own(visit)
    resource_id, quarantine = visit.part("id"), visit.using.bus.quarantine
    async with visit.writing() as session:
        found = await quarantine_entries.page(
            session, visit.principal, quarantine, resource_id, Criteria(), QUARANTINED
        )
        said = await remembered.said(session, visit.principal.department, resource_id)
    labels = {each.name: each.label for each in contract.fields}
    kept = [_quarantined(visit, each) for each in found.items]
    more = found.next_cursor is not None
    told = Upload(
        resource_id,
        name,
        contract,
        kept,
        more,
        new_id(),
        verdict,
        receipts,
        columns=asked or columns.again(visit, contract),
        said={title: labels.get(item or "", item) for title, item in said.items()},
        used=used,
    )
    if file is None:
        return told
    return replace(told, chosen=file.sealed, chosen_name=file.name if file.sealed else "")


def _quarantined(visit: Visit, entry: quarantine_entries.Entry) -> Quarantined:
    record = orjson.dumps(as_received(entry.record)).decode()
    return Quarantined(entry.id, record, [(each.path, visit.say(each)) for each in entry.errors])


@page(router, "/console/resources/{id}/template", TEMPLATE)
async def template(visit: Visit) -> Response:
    """Download the workbook that records are typed into."""
    _, contract = await own(visit)
    shown = await unhurried(examples(contract))
    content = await asyncio.to_thread(record_template.template, contract, shown)
    return made(content, XLSX, f"{contract.title}上报模板.xlsx")


async def take(visit: Visit) -> Upload | Response | Go:
    """Check the file, and load it where that was asked for and the check allows it.

    Asked for as a `book` it comes back as it was, with its faults in a column. What is too large to
    be answered at once becomes a job.
    """
    using, resource_id = visit.using, visit.part("id")
    contract, wanted = (await own(visit))[1], visit.text("go")
    await using.gate.take(using.gate.buckets(visit.principal))
    said = await columns.said_of(visit, resource_id, contract)
    file = await chosen_files.take(visit, resource_id)
    try:
        sheet = await _sheet(file, contract, said)
    except HeadingsMisfit as misfit:
        asked = columns.form(misfit.titles, contract, said, misfit.errors)
        if asked is None:
            raise
        return await _upload(visit, file=file, asked=asked)
    if sheet is not None and wanted == "columns":
        titles = [*dict.fromkeys(sheet.heading)]
        return await _upload(visit, file=file, asked=columns.form(titles, contract, said))
    if sheet is None:
        return Go(f"/console/jobs/{await _queued(visit, file, wanted, said)}")
    used = len(sheets.fitting(sheet.heading, contract, said))
    report = await check(using.bus.dry_runs, visit.principal, resource_id, sheet)
    verdict = _verdict(visit, sheet, report)
    if wanted == "book":
        return await _book(sheet, report)
    faulty = bool(sheet.errors) or (wanted == "load" and verdict.invalid > 0)
    if wanted not in ("load", "load-valid") or faulty:
        return await _upload(visit, verdict, file=file, used=used)
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
    return await _upload(visit, verdict, receipts, used=used)


async def _sheet(file: Chosen, contract: Contract, said: Said) -> Sheet | None:
    """Read the file in a thread, for the loop may not wait so long; None where a job has to."""
    content = await file.content(AT_ONCE_MAX)
    if content is None:
        return None
    try:
        read = partial(sheets.read, content, file.name, contract, remembered=said)
        return await asyncio.to_thread(read)
    except (TooManyRows, Oversized):
        if file.kept is None:
            raise
        return None


async def _queued(visit: Visit, file: Chosen, wanted: str | None, said: Said) -> str:
    """Begin the job of a file, which has a copy of its own; one form begins one job."""
    using, loads = visit.using, wanted in ("load", "load-valid")
    if loads:
        await using.bus.publisher.plans.get(visit.part("id"))
    arguments = {
        "resource_id": visit.part("id"),
        "name": file.name,
        "mapping": {},
        REMEMBERED: dict(said),
        "dry_run": not loads,
        "whole": wanted == "load",
        "chosen": file.sealed,
    }
    stored = await file.copied()
    scopes, owner = visit.principal.scopes, owner_of(visit.principal)
    new = NewJob(kind=KIND, arguments=arguments, scopes=scopes, input_blob=stored.id)
    form = f"{visit.typed('once')} {wanted}"
    key = f"console-{hashlib.sha256(form.encode()).hexdigest()}"
    media = XLSX if file.name.lower().endswith(".xlsx") else CSV
    async with using.blobs.keeping(stored), visit.writing() as session:
        digest = stored.sha256.encode()
        before = await answers.first_answer(session, using.box, owner, key, digest)
        if before is None:
            blobs.add(session, using.box, stored, media=media, name=file.name)
            row = await jobs.add(session, visit.principal.actor, new)
            await answers.keep(session, using.box, owner, key, Answer(BEGUN, row.id.encode()))
            return row.id
    await using.blobs.drop(stored)
    return before.body.decode()


act(router, "/console/resources/{id}/upload", upload, TEMPLATE)(take)


async def _book(sheet: Sheet, report: Report) -> Response:
    content = await asyncio.to_thread(book, sheet, report, (), dry_run=True)
    return made(content, XLSX, "检查结果.xlsx")


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
        preview=[
            (row, row in report.invalid, orjson.loads(line))
            for row, line in zip(sheet.rows[:SHOWN_ROWS], sheet.lines, strict=False)
        ],
    )


def _batches(sheet: Sheet, form: str) -> list[tuple[bytes, str]]:
    """Return batches with keys of form and content: a form sent twice stores nothing twice."""
    return [
        (body, f"console-{hashlib.sha256(body + form.encode()).hexdigest()}")
        for body in bodies(sheet)
    ]


async def forget(visit: Visit) -> Go:
    """Forget what was said of headings: files are read by labels and names again."""
    resource_id = visit.part("id")
    await own(visit)
    async with visit.writing() as session:
        await remembered.forget(session, visit.principal, resource_id)
    done = N_("已取消记住的对应关系，以后按中文名称或字段名识别。")
    return Go(f"/console/resources/{resource_id}/upload", done)


act(router, "/console/resources/{id}/upload/forget", upload, TEMPLATE)(forget)


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
