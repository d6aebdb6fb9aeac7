"""`/v1/jobs`: what takes long, followed and ended by its author and the department's head."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.responses import Response

from auth.authors import job_of
from gateway.downloads import attachment, begun
from gateway.once import Acting
from gateway.openapi import ProblemError
from gateway.principal import Caller
from gateway.problems import in_english
from gateway.services import Reading, Services, Using, Writing
from kernel import jobs
from kernel.database import ReadSession
from kernel.errors import Gone, IllegalTransition
from kernel.jobs import Status
from kernel.tables import BlobRow, JobRow
from kernel.wire import Wire

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

JobId = Annotated[str, Path(min_length=1, max_length=64)]
Language = Annotated[str, Header(include_in_schema=False)]
RESULT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}
}


class Queued(Wire):
    """202: the job that does what was asked for."""

    job_id: str


class JobResult(Wire):
    """`sha256` is hexadecimal, of the file as it is downloaded."""

    url: str
    sha256: str
    bytes: int


class JobProblem(Wire):
    """Why a job failed: what a request would have been refused with."""

    code: str
    title: str
    detail: str
    errors: list[ProblemError]
    error_count: int


class JobView(Wire):
    """`done` of `total` lines; `errors_count` of them were refused."""

    id: str
    kind: str
    status: Status
    done: int
    total: int | None
    errors_count: int
    created_at: datetime
    ended_at: datetime | None
    result: Annotated[JobResult | None, Field(default=None, exclude_if=lambda v: v is None)]
    problem: Annotated[JobProblem | None, Field(default=None, exclude_if=lambda v: v is None)]


@router.get("/{job_id}")
async def get(
    job_id: JobId, session: Reading, principal: Caller, accept_language: Language = ""
) -> JobView:
    """任务的进度和结果 / how far a job is, and what came of it."""
    row = await job_of(session, principal, job_id)
    return await view(session, row, english=in_english(accept_language))


@router.post("/{job_id}/cancel")
async def cancel(
    job_id: JobId,
    session: Writing,
    principal: Caller,
    once: Acting,
    accept_language: Language = "",
) -> JobView:
    """取消任务；已执行的部分保留 / end a job; what it has done stays done."""
    row = await job_of(session, principal, job_id)
    row = await jobs.cancel(session, principal.actor, row)
    return await once.keep(await view(session, row, english=in_english(accept_language)))


@router.get("/{job_id}/result", response_class=Response, responses=RESULT)
async def result(job_id: JobId, principal: Caller, using: Using) -> Response:
    """下载任务的结果文件 / the file that came of a job."""
    async with using.database.reading() as session:
        row = await job_of(session, principal, job_id)
        blob = await jobs.result_of(session, row)
    if blob is None:
        raise _nothing(row)
    return await download(using, blob)


def _nothing(row: JobRow) -> IllegalTransition | Gone:
    if row.status in jobs.OPEN:
        return IllegalTransition(state=row.status, allowed=["cancel"])
    return Gone("任务没有结果文件，或已过保留期", "The job has no result, or it is past its term")


async def download(using: Services, blob: BlobRow) -> StreamingResponse:
    """Return a file as it is written, piece by piece; raises FileLost and StoreAway."""
    headers = {
        "Content-Length": str(blob.bytes),
        "Content-Disposition": attachment(blob.name),
        "ETag": f'"{blob.sha256}"',
    }
    content = await begun(using.blobs.content(blob, using.box))
    return StreamingResponse(content, media_type=blob.media, headers=headers)


async def view(session: ReadSession, row: JobRow, *, english: bool) -> JobView:
    blob = await jobs.result_of(session, row)
    told = None
    if blob is not None:
        url = f"/v1/jobs/{row.id}/result"
        told = JobResult(url=url, sha256=blob.sha256, bytes=blob.bytes)
    return JobView(
        id=row.id,
        kind=row.kind,
        status=Status(row.status),
        done=row.done,
        total=row.total,
        errors_count=row.errors_count,
        created_at=row.created_at,
        ended_at=row.ended_at,
        result=told,
        problem=None if row.problem is None else _problem(row.problem, english=english),
    )


def _problem(kept: dict[str, Any], *, english: bool) -> JobProblem:
    language = "en" if english else "zh"
    errors = [
        ProblemError(
            path=each["path"], code=each["code"], message=each[language], index=each["index"]
        )
        for each in kept["errors"]
    ]
    return JobProblem(
        code=kept["code"],
        title=kept["title"][language],
        detail=kept["detail"][language],
        errors=errors,
        error_count=kept["error_count"],
    )
