"""`/v1/imports`, `/v1/exports`, `/v1/templates`: the catalogue, elements and code lists as XLSX."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from auth.authors import job_of
from auth.principal import Principal, Role
from gateway.api.jobs import Queued, download
from gateway.once import Keyed
from gateway.principal import Authority, CatalogReader, Clerk
from gateway.services import Services, Using
from gateway.workbooks import template
from gateway.workbooks.importing import CSV, XLSX
from kernel import blobs, clock, jobs
from kernel.errors import Conflict
from kernel.jobs import NewJob, Status
from kernel.tables import BlobRow, JobRow

router = APIRouter(prefix="/v1", tags=["workbooks"])

FILE_MAX: Final = 64 * 1024 * 1024
ACCEPTED: Final = 202
# An export that is done so soon is answered at once; else with its job.
WAIT_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 0.25
BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
SENT: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {XLSX: BINARY, CSV: BINARY}}
}
BOOK: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {XLSX: BINARY}}}
BOOK_OR_JOB: Final[dict[int | str, dict[str, Any]]] = {**BOOK, ACCEPTED: {"model": Queued}}


class Sending:
    """What every import takes: the file in the body, and how it is to be done."""

    def __init__(
        self,
        request: Request,
        using: Using,
        key: Keyed,
        *,
        dry_run: bool = False,
        all_or_nothing: bool = False,
    ) -> None:
        self._request, self._using, self._key = request, using, key
        self._how = {"dry_run": dry_run, "all_or_nothing": all_or_nothing}

    async def begin(self, principal: Principal, what: str) -> Queued:
        """Keep the file and queue its job; raises TooLarge, and what the scanner finds."""
        using, media = self._using, self._media()
        stored = await using.blobs.receive(self._request.stream(), most_bytes=FILE_MAX)
        new = NewJob(
            kind=f"import.{what}",
            arguments={"media": media, **self._how},
            scopes=principal.scopes,
            input_blob=stored.id,
        )
        async with using.blobs.keeping(stored), using.database.transaction() as session:
            asked = f"{self._request.url.query}\n{stored.sha256}".encode()
            once = await self._key.claimed(session, ACCEPTED, content=asked)
            blobs.add(session, using.box, stored, media=media, name=what)
            row = await jobs.add(session, principal.actor, new)
            return await once.keep(Queued(job_id=row.id))

    def _media(self) -> str:
        return self._request.headers.get("content-type", "").partition(";")[0].strip().lower()


Sent = Annotated[Sending, Depends()]


@router.post("/imports/catalogue", status_code=ACCEPTED, openapi_extra=SENT)
async def import_catalogue(principal: Clerk, sent: Sent) -> Queued:
    """导入本部门目录：新的建为草稿，草稿予以修改 / drafts of one's own department."""
    return await sent.begin(principal, "catalogue")


@router.post("/imports/elements", status_code=ACCEPTED, openapi_extra=SENT)
async def import_elements(principal: Authority, sent: Sent) -> Queued:
    """导入数据元 / register elements from a workbook."""
    return await sent.begin(principal, "elements")


@router.post("/imports/code-lists", status_code=ACCEPTED, openapi_extra=SENT)
async def import_code_lists(principal: Authority, sent: Sent) -> Queued:
    """导入代码集及其版本 / register code lists and add editions from a workbook."""
    return await sent.begin(principal, "code-lists")


@router.get("/exports/catalogue.xlsx", response_class=Response, responses=BOOK_OR_JOB)
async def export_catalogue(principal: CatalogReader, using: Using) -> Response:
    """导出目录，可修改后再导入 / one's own entries, the authority's those of its region."""
    return await _export(using, principal, "catalogue")


@router.get("/exports/elements.xlsx", response_class=Response, responses=BOOK_OR_JOB)
async def export_elements(principal: CatalogReader, using: Using) -> Response:
    """导出数据元 / all elements."""
    return await _export(using, principal, "elements")


@router.get("/exports/code-lists.xlsx", response_class=Response, responses=BOOK_OR_JOB)
async def export_code_lists(principal: CatalogReader, using: Using) -> Response:
    """导出代码集 / all code lists with their editions."""
    return await _export(using, principal, "code-lists")


@router.get("/templates/catalogue.xlsx", response_class=Response, responses=BOOK)
async def catalogue_template(_: CatalogReader) -> Response:
    """目录导入模板 / the workbook to fill in."""
    content = await asyncio.to_thread(template.catalogue)
    return Response(content, media_type=XLSX, headers=_attachment("catalogue.xlsx"))


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


async def _export(using: Services, principal: Principal, what: str) -> Response:
    """Queue the export, and answer with its file if it is soon done, else 202 with the job."""
    principal.require_role(Role.CLERK, Role.HEAD, Role.AUTHORITY)
    new = NewJob(kind=f"export.{what}", arguments={}, scopes=principal.scopes)
    async with using.database.transaction() as session:
        row = await jobs.add(session, principal.actor, new)
    ends_at = clock.monotonic() + WAIT_SECONDS
    while clock.monotonic() < ends_at:
        await asyncio.sleep(LOOK_SECONDS)
        row, blob = await _look(using, principal, row.id)
        if blob is not None:
            return await download(using, blob)
        if row.status not in jobs.OPEN:
            break
    if row.status == Status.FAILED:
        raise _failed(row)
    return JSONResponse(Queued(job_id=row.id).model_dump(), ACCEPTED)


async def _look(
    using: Services, principal: Principal, job_id: str
) -> tuple[JobRow, BlobRow | None]:
    async with using.database.reading() as session:
        row = await job_of(session, principal, job_id)
        return row, await jobs.result_of(session, row)


def _failed(row: JobRow) -> Conflict:
    detail = (row.problem or {}).get("detail", {})
    return Conflict(detail.get("zh", ""), detail.get("en", ""), job_id=row.id)
