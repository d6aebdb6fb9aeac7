"""`/v1/resources/{id}/uploads`: records that a person of the department sends as a workbook."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from auth.principal import Principal
from catalog import versions
from gateway.api.jobs import Queued
from gateway.api.records import ThingId
from gateway.once import Keyed
from gateway.principal import Clerk
from gateway.services import Services, Using
from gateway.workbooks.importing import CSV, XLSX
from gateway.workbooks.records import Mapped
from gateway.workbooks.uploading import KIND
from kernel import blobs, jobs
from kernel.errors import BadRequest, FieldError, Invalid
from kernel.jobs import NewJob

router = APIRouter(prefix="/v1/resources/{id}/uploads", tags=["records"])

ACCEPTED: Final = 202
FILE_MAX: Final = 64 * 1024 * 1024
FRAME: Final = 256 * 1024
MAPPING_MAX: Final = 64 * 1024
COLUMNS_MAX: Final = 500
NAME_MAX: Final = 200
FIELDS: Final = frozenset({"file", "mapping"})
SENT: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "XLSX 或 CSV，不超过 64 MiB / XLSX or CSV, ≤ 64 MiB",
                        },
                        "mapping": {
                            "type": "string",
                            "description": (
                                "JSON 对象：标题 → 信息项字段名，null 表示忽略该列 /"
                                " a JSON object of item names by heading, null leaves one out"
                            ),
                            "example": '{"身份证号": "id", "备注": null}',
                        },
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class _Sent:
    """The parts of the form that mean something."""

    file: UploadFile
    name: str
    mapping: Mapped


@router.post("", status_code=ACCEPTED, openapi_extra=SENT)
async def upload(
    id: ThingId,  # noqa: A002 - the contract's name
    request: Request,
    principal: Clerk,
    using: Using,
    key: Keyed,
    *,
    dry_run: bool = False,
    replace: bool = False,
) -> Queued:
    """人工上报：逐行检查，合格的入库 / check a file row by row, and load its valid rows.

    The job's result is the workbook with a column 错误原因.
    """
    await _require_own(using, principal, id, dry_run=dry_run)
    if replace:
        zh, en = "平台尚不支持以文件全量替换", "Replacing all records by a file is not served yet"
        raise Invalid(errors=[FieldError("replace", "not_served", zh, en)])
    form = await _form(request)
    try:
        return await _begin(using, principal, key, _sent(form), id, dry_run=dry_run)
    finally:
        await form.close()


async def _require_own(
    using: Services, principal: Principal, resource_id: str, *, dry_run: bool
) -> None:
    """Raise what keeps the department from loading into the resource; a draft can be tried."""
    async with using.database.reading() as session:
        shown = await versions.shown(session, principal, resource_id)
    principal.require_department(shown.resource.department)
    if not dry_run:
        await using.bus.publisher.plans.get(resource_id)


async def _form(request: Request) -> FormData:
    try:
        return await request.form(max_files=1, max_fields=len(FIELDS), max_part_size=MAPPING_MAX)
    except HTTPException as error:
        raise BadRequest(
            "表单不是合法的 multipart/form-data，或字段过多、过长",
            "The form is no multipart/form-data, or has too many or too long fields",
        ) from error


def _sent(form: FormData) -> _Sent:
    """Return what was sent; raises Invalid."""
    errors = [
        FieldError(name[:64], "unknown_item", "未知的字段", "is not known")
        for name in form
        if name not in FIELDS
    ]
    file = form.get("file")
    name = file.filename or "" if isinstance(file, UploadFile) else ""
    if not isinstance(file, UploadFile):
        errors.append(FieldError("file", "missing", "缺少文件", "the file is missing"))
    elif not name.lower().endswith((".xlsx", ".csv")):
        told = "文件名须以 .xlsx 或 .csv 结尾", "its name must end in .xlsx or .csv"
        errors.append(FieldError("file", "pattern", *told))
    mapping = _mapping(form.get("mapping"))
    if mapping is None:
        told = (
            "须为 JSON 对象：标题 → 字段名或 null",
            "must be a JSON object: heading → item or null",
        )
        errors.append(FieldError("mapping", "wrong_type", *told))
    if errors or mapping is None or not isinstance(file, UploadFile):
        raise Invalid(errors=errors)
    return _Sent(file, name[-NAME_MAX:], mapping)


def _mapping(value: object) -> Mapped | None:
    """Return a mapping, an empty one where none was sent; None for what is none."""
    if value is None or value == "":
        return {}
    try:
        decoded = orjson.loads(value) if isinstance(value, str) else None
    except orjson.JSONDecodeError:
        return None
    is_mapping = (
        isinstance(decoded, dict)
        and len(decoded) <= COLUMNS_MAX
        and all(each is None or isinstance(each, str) for each in decoded.values())
    )
    return decoded if is_mapping else None


async def _begin(
    using: Services,
    principal: Principal,
    key: Keyed,
    sent: _Sent,
    resource_id: str,
    *,
    dry_run: bool,
) -> Queued:
    """Keep the file and queue its job; raises TooLarge, and what the scanner finds."""
    stored = await using.blobs.receive(_frames(sent.file), most_bytes=FILE_MAX)
    media = XLSX if sent.name.lower().endswith(".xlsx") else CSV
    arguments = {
        "resource_id": resource_id,
        "name": sent.name,
        "mapping": dict(sent.mapping),
        "dry_run": dry_run,
    }
    new = NewJob(kind=KIND, arguments=arguments, scopes=principal.scopes, input_blob=stored.id)
    async with using.blobs.keeping(stored), using.database.transaction() as session:
        asked = orjson.dumps({**arguments, "sha256": stored.sha256})
        once = await key.claimed(session, ACCEPTED, content=asked)
        blobs.add(session, using.box, stored, media=media, name=sent.name)
        row = await jobs.add(session, principal.actor, new)
        return await once.keep(Queued(job_id=row.id))


async def _frames(file: UploadFile) -> AsyncIterator[bytes]:
    while frame := await file.read(FRAME):
        yield frame
