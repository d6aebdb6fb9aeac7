"""The job of an upload: a person's file of records, checked row by row, its valid rows loaded.

What is wrong comes back in the workbook. Each batch has an idempotency key of its job, and what is
loaded is kept with the job: a worker that dies is followed by one that stores nothing twice.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auth.authors import principal_of
from auth.principal import Principal
from catalog import versions
from catalog.contracts.model import Contract
from exchange.publishing import by_hand
from exchange.publishing.columns import HEADINGS_MAX
from exchange.publishing.dry_run import DryRuns
from exchange.publishing.opened import bench
from exchange.publishing.publish import OnInvalid, Publisher
from gateway.workbooks.checking import Report, bodies, check
from gateway.workbooks.importing import XLSX
from gateway.workbooks.records import FAULT, OF_JOBS, HeadingsMisfit, Sheet, read, text_of
from gateway.workbooks.results import RESULT_MAX, pieces
from kernel import clock
from kernel.errors import FieldError
from kernel.jobs import Run
from kernel.logging import correlation_id
from kernel.workbooks import writing
from kernel.workbooks.writing import Heading
from kernel.workdays import local_date

KIND: Final = "upload.records"
BATCHES, RECEIPTS, HEADINGS = "batches", "receipts", "headings"
# What was said by hand of headings, for whatever of them the file has.
REMEMBERED: Final = "remembered"
CONVERSIONS: Final[Mapping[str, str]] = {
    "number_to_text": "数字改为文本",
    "cell_to_date": "日期单元格改为日期",
    "yes_no": "是、否改为逻辑值",
    "whole_number": "整数去掉小数点",
    "date_written_anew": "日期改写为 YYYY-MM-DD",
}


async def records(run: Run) -> None:
    """Check a file, load its valid rows unless it is a dry run, and give it back with its faults.

    Raises Invalid for a file that cannot be taken as a whole, and the errors of publishing.
    """
    asked, resource_id = run.arguments, run.arguments["resource_id"]
    principal, contract = await _standing(run, resource_id)
    content = await run.input()
    try:
        sheet = await asyncio.to_thread(
            read,
            content,
            asked["name"],
            contract,
            asked["mapping"],
            OF_JOBS,
            asked.get(REMEMBERED),
        )
    except HeadingsMisfit as error:
        # Whoever began it may say by a page what they stand for.
        run.position[HEADINGS] = error.titles[:HEADINGS_MAX]
        async with run.transaction():
            pass
        raise
    run.total = len(sheet.lines)
    async with bench(run.settings, run.database, run.box) as tools:
        dry_runs = DryRuns(run.database, tools.publisher.plans, tools.turns)
        report = await check(dry_runs, principal, resource_id, sheet)
        run.errors_count = len(report.invalid)
        async with run.transaction():
            pass
        # A page may ask to load the whole file or nothing of it.
        kept_back = bool(asked.get("whole") and report.invalid)
        if not (asked["dry_run"] or kept_back):
            await _load(run, tools.publisher, principal, sheet, report)
    receipts = run.position.get(RECEIPTS, [])
    dry_run = bool(asked["dry_run"]) or kept_back
    told = await asyncio.to_thread(book, sheet, report, receipts, dry_run=dry_run)
    stored = await run.blobs.write(pieces(told), most_bytes=RESULT_MAX)
    await run.finish(stored, media=XLSX, name=f"{contract.title}上报结果.xlsx")


async def _standing(run: Run, resource_id: str) -> tuple[Principal, Contract]:
    """Return the author as of now, and the contract; raises what keeps them from uploading."""
    async with run.database.reading() as session:
        principal = await principal_of(session, run.author, run.arguments["scopes"], run.row.id)
        principal.require_role(*by_hand.UPLOADERS)
        shown = await versions.shown(session, principal, resource_id)
        principal.require_department(shown.resource.department)
        contract = await versions.shown_contract(
            session, principal, resource_id, on=local_date(clock.now())
        )
    return principal, contract


async def _load(
    run: Run, publisher: Publisher, principal: Principal, sheet: Sheet, report: Report
) -> None:
    """Publish the valid rows batch by batch, and go on behind those of an earlier turn."""
    batches = bodies(sheet, report.invalid)
    for number in range(run.position.get(BATCHES, 0), len(batches)):
        body = batches[number]
        if body:
            (receipt,) = await by_hand.upload(
                run.database,
                publisher,
                principal,
                run.arguments["resource_id"],
                [(body, f"upload-{run.row.id}-{number}")],
                on_invalid=OnInvalid.REJECT,
                correlation_id=correlation_id.get() or "",
            )
            run.position[RECEIPTS] = [*run.position.get(RECEIPTS, []), receipt.receipt_id]
            run.done += receipt.accepted
        run.position[BATCHES] = number + 1
        async with run.transaction():
            pass


def book(sheet: Sheet, report: Report, receipts: Sequence[str], *, dry_run: bool) -> bytes:
    """Return the file as it was sent with a column of faults, and a sheet of what was done."""
    faults = _faults(report.errors)
    width = len(sheet.heading)
    own = [place for place in range(width) if sheet.heading[place] != FAULT]
    headings = [Heading(sheet.heading[place]) for place in own] + [Heading(FAULT, width=60)]

    def rows() -> Iterator[Sequence[str]]:
        for row, cells in zip(sheet.rows, sheet.cells, strict=True):
            texts = [text_of(cell) for cell in cells] + [""] * (width - len(cells))
            yield [*(texts[place] for place in own), faults.get(row, "")]

    told = list(_told(sheet, report, receipts, dry_run=dry_run))
    return writing.write(
        [
            writing.Sheet("数据", headings, rows(), frozenset({FAULT})),
            writing.Sheet("说明", [Heading("事项", width=30), Heading("内容", width=60)], told),
        ]
    )


def _faults(errors: Sequence[FieldError]) -> Mapping[int, str]:
    of_rows: dict[int, list[str]] = defaultdict(list)
    for error in errors:
        place = f"{error.path}：" if error.path else ""
        of_rows[error.index or 0].append(f"{place}{error.sentence(english=False)}")
    return {row: "；".join(told) for row, told in of_rows.items()}


def _told(
    sheet: Sheet, report: Report, receipts: Sequence[str], *, dry_run: bool
) -> Iterator[Sequence[str]]:
    yield "行数", str(report.rows)
    yield "合格", str(report.valid)
    yield "不合格", str(len(report.invalid))
    yield "是否入库", "否" if dry_run else "合格的已入库"
    for kind, count in sheet.conversions.items():
        yield CONVERSIONS.get(kind, kind), str(count)
    for receipt in receipts:
        yield "回执", receipt
