"""导入导出: the catalogue, elements and code lists as workbooks, and the jobs that do it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.responses import Response

from auth.authors import job_of
from auth.principal import Role
from catalog import versions
from catalog.contracts.model import Field
from exchange.publishing import columns as remembered
from gateway.api import jobs as api
from gateway.api import workbooks
from gateway.api.jobs import JobView
from gateway.console import columns
from gateway.console.chosen_files import FIELD
from gateway.console.columns import Columns
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from gateway.workbooks import uploading
from gateway.workbooks.importing import CSV, XLSX
from kernel import blobs, jobs
from kernel.errors import FieldError, Invalid, NotFound, ShuyuanError
from kernel.ids import new_id
from kernel.jobs import NewJob, Status
from kernel.tables import JobRow
from kernel.workdays import local_date

router = APIRouter()
TEMPLATE, JOB = "workbooks.html", "job.html"
ADDRESS: Final = "/console/workbooks"
PIECE: Final = 256 * 1024
# Who may bring each in; everybody of the staff takes them all away.
IMPORTS: Final[Mapping[str, Role]] = {
    "catalogue": Role.CLERK,
    "elements": Role.AUTHORITY,
    "code-lists": Role.AUTHORITY,
}
BEGUN_MAX: Final = 20
STAFF: Final = (Role.CLERK, Role.HEAD, Role.AUTHORITY)


@dataclass(frozen=True, slots=True)
class Workbooks:
    """`begun` is what the person began last: whoever left a job's page finds it here."""

    exports: Sequence[str]
    imports: Sequence[str]
    begun: Sequence[JobRow]


@page(router, ADDRESS, TEMPLATE)
async def overview(visit: Visit) -> Workbooks:
    visit.principal.require_role(*STAFF)
    async with visit.reading() as session:
        begun = await jobs.newest(session, visit.principal.actor, BEGUN_MAX)
    imports = [what for what in IMPORTS if _may_import(visit, what)]
    return Workbooks(list(IMPORTS), imports, begun)


def _may_import(visit: Visit, what: str) -> bool:
    if IMPORTS[what] is Role.AUTHORITY:
        return visit.oversees(visit.principal.region_code)
    return visit.has(IMPORTS[what])


@page(router, f"{ADDRESS}/template", TEMPLATE)
async def template(visit: Visit) -> Response:
    """Download the workbook to fill in."""
    visit.principal.require_role(*STAFF)
    return await workbooks.catalogue_template(visit.principal)


def _named(visit: Visit) -> str:
    what = visit.part("what")
    if what not in IMPORTS:
        raise NotFound
    return what


async def export(visit: Visit) -> Go:
    """Queue the export; its job's page leads to the file."""
    visit.principal.require_role(*STAFF)
    new = NewJob(kind=f"export.{_named(visit)}", arguments={}, scopes=visit.principal.scopes)
    async with visit.writing() as session:
        row = await jobs.add(session, visit.principal.actor, new)
    return Go(f"/console/jobs/{row.id}")


async def bring_in(visit: Visit) -> Go:
    """Keep the file and queue its import; raises TooLarge, and what the scanner finds."""
    what = _named(visit)
    if IMPORTS[what] is Role.AUTHORITY:
        visit.principal.require_authority(visit.principal.region_code)
    visit.principal.require_role(IMPORTS[what])
    sent, using = visit.upload("file"), visit.using
    if sent is None:
        raise Invalid(errors=[FieldError("file", "missing", "请选择文件", "choose a file")])
    media = CSV if (sent.filename or "").lower().endswith(".csv") else XLSX
    stored = await using.blobs.receive(_pieces(sent), most_bytes=workbooks.FILE_MAX)
    how = visit.texts("how")
    arguments = {
        "media": media,
        "dry_run": "dry_run" in how,
        "all_or_nothing": "all_or_nothing" in how,
    }
    new = NewJob(
        kind=f"import.{what}",
        arguments=arguments,
        scopes=visit.principal.scopes,
        input_blob=stored.id,
    )
    async with using.blobs.keeping(stored), visit.writing() as session:
        blobs.add(session, using.box, stored, media=media, name=what)
        row = await jobs.add(session, visit.principal.actor, new)
    return Go(f"/console/jobs/{row.id}")


async def _pieces(sent: UploadFile) -> AsyncIterator[bytes]:
    while piece := await sent.read(PIECE):
        yield piece


act(router, f"{ADDRESS}/export/{{what}}", overview, TEMPLATE)(export)
act(router, f"{ADDRESS}/import/{{what}}", overview, TEMPLATE)(bring_in)


@dataclass(frozen=True, slots=True)
class JobPage:
    """`open` jobs are looked at again by the page itself.

    `resource_id` is of an upload; `chosen` stands for its file, where it was only checked or kept
    back, and `once` names the form that loads it. `columns` asks for the items of its columns, by
    `fields`, where the job could not read its headings.
    """

    job: JobView
    open: bool
    percent: int | None
    cancellable: bool
    resource_id: str
    chosen: str
    once: str
    columns: Columns | None
    fields: Sequence[Field]


@page(router, "/console/jobs/{id}", JOB)
async def one(visit: Visit) -> JobPage:
    async with visit.reading() as session:
        row = await job_of(session, visit.principal, visit.part("id"))
        job = await api.view(session, row, english=visit.english)
    is_open = row.status in jobs.OPEN
    percent = min(100, job.done * 100 // job.total) if job.total else None
    asked = row.arguments if row.kind == uploading.KIND else {}
    loadable = row.status == Status.DONE and not job.done
    resource_id = str(asked.get("resource_id", ""))
    columns_of, fields = await _columns(visit, row)
    chosen = str(asked.get(FIELD, "")) if loadable or columns_of else ""
    return JobPage(
        job, is_open, percent, is_open, resource_id, chosen, new_id(), columns_of, fields
    )


async def _columns(visit: Visit, row: JobRow) -> tuple[Columns | None, Sequence[Field]]:
    """Return the form of a file's headings, where an upload by a page failed because of them."""
    titles = (row.state or {}).get(uploading.HEADINGS) if row.kind == uploading.KIND else None
    if not titles or row.status != Status.FAILED or not row.arguments.get(FIELD):
        return None, ()
    resource_id = row.arguments["resource_id"]
    async with visit.reading() as session:
        try:
            contract = await versions.shown_contract(
                session, visit.principal, resource_id, on=local_date(visit.now)
            )
        except ShuyuanError:
            return None, ()
        said = await remembered.said(session, visit.principal.department, resource_id)
    return columns.form(titles, contract, said), contract.fields


@page(router, "/console/jobs/{id}/result", JOB)
async def result(visit: Visit) -> Response:
    """Download what came of a job."""
    return await api.result(visit.part("id"), visit.principal, visit.using)


async def cancel(visit: Visit) -> Go:
    job_id = visit.part("id")
    async with visit.writing() as session:
        row = await job_of(session, visit.principal, job_id)
        await jobs.cancel(session, visit.principal.actor, row)
    return Go(f"/console/jobs/{job_id}", N_("任务已取消，已执行的部分保留。"))


act(router, "/console/jobs/{id}/cancel", one, JOB)(cancel)
