"""`/v1/subscriptions/{id}/snapshots`: the approved view as a file, for grants of mode `file`."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import Response

from exchange.delivery.snapshots.asking import Stand
from exchange.delivery.snapshots.formats import Format
from gateway.api.jobs import Queued
from gateway.api.records import ThingId
from gateway.downloads import download
from gateway.lists import ListOf, Paging
from gateway.once import Keyed
from gateway.principal import Caller
from gateway.services import Using
from gateway.token_caller import TokenCaller
from kernel.wire import Wire

router = APIRouter(prefix="/v1/subscriptions/{id}/snapshots", tags=["records"])

ACCEPTED = 202
SnapshotId = Annotated[str, Path(min_length=1, max_length=64)]
FILE: dict[int | str, dict[str, Any]] = {
    status: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    for status in (200, 206)
}


class NewSnapshot(Wire):
    """The format of the file."""

    format: Format


class SnapshotQueued(Queued):
    """202: the job that makes it, and what it will be."""

    snapshot_id: str


class Manifest(Wire):
    """All records that show at `position`, the next offset of each partition; null with a filter.

    `as_of` is the moment up to which the log was folded, `version` the contract in force then.
    """

    position: list[int] | None
    as_of: datetime
    version: int
    rows: int
    sha256: str
    bytes: int


class SnapshotView(Wire):
    """`status` is `ready`, or that of its job; `manifest` and `url` are there once it is."""

    id: str
    status: str
    format: Format
    job_id: str
    created_at: datetime
    expires_at: datetime
    manifest: Annotated[Manifest | None, Field(default=None)]
    url: str | None


@router.post("", status_code=ACCEPTED)
async def create(
    id: ThingId,  # noqa: A002 - the contract's name
    body: NewSnapshot,
    request: Request,
    principal: Caller,
    using: Using,
    key: Keyed,
) -> SnapshotQueued:
    """生成快照：授权所见的全部最新记录 / make a file of all that the grant shows.

    By the subscription's client (`records:read`) or a clerk of its department; all records are
    charged to the day's quota at once.
    """
    await using.gate.take(using.gate.buckets(principal, id))
    async with using.database.reading() as session:
        await key.answered(session)
    snapshots = using.bus.snapshots
    entered = await snapshots.require(TokenCaller(using, request), id, body.format)
    async with using.database.transaction() as session:
        once = await key.claimed(session, ACCEPTED)
        row = await snapshots.begin(session, principal, entered, body.format)
        return await once.keep(SnapshotQueued(job_id=row.job_id, snapshot_id=row.id))


@router.get("")
async def page(
    id: ThingId,  # noqa: A002
    request: Request,
    _: Caller,
    using: Using,
    paging: Paging,
) -> ListOf[SnapshotView]:
    """快照列表 / the snapshots that are kept."""
    found = await using.bus.snapshots.page(TokenCaller(using, request), id, paging)
    return ListOf(items=[view(each) for each in found.items], next_cursor=found.next_cursor)


@router.get("/{snapshot_id}")
async def one(
    id: ThingId,  # noqa: A002
    snapshot_id: SnapshotId,
    request: Request,
    _: Caller,
    using: Using,
) -> SnapshotView:
    """快照及其清单 / a snapshot with its manifest."""
    return view(await using.bus.snapshots.one(TokenCaller(using, request), id, snapshot_id))


@router.get("/{snapshot_id}/content", response_class=Response, responses=FILE)
async def content(
    id: ThingId,  # noqa: A002
    snapshot_id: SnapshotId,
    request: Request,
    principal: Caller,
    using: Using,
) -> Response:
    """下载快照，可分段、可续传 / the file, or ranges of it."""
    await using.gate.take(using.gate.buckets(principal, id))
    opened = await using.bus.snapshots.open(TokenCaller(using, request), id, snapshot_id)
    blob, at = opened.blob, opened.made_at
    return await download(using, request, blob, at, opened.admission, opened.page)


@router.delete("/{snapshot_id}", status_code=204, response_class=Response)
async def remove(
    id: ThingId,  # noqa: A002
    snapshot_id: SnapshotId,
    request: Request,
    principal: Caller,
    using: Using,
) -> None:
    """删除快照，为新的快照腾出名额 / remove a snapshot, so that another one has room.

    By whoever may have one made. A download that has begun may end within the hour.
    """
    await using.gate.take(using.gate.buckets(principal, id))
    await using.bus.snapshots.drop(TokenCaller(using, request), id, snapshot_id)


def view(stand: Stand) -> SnapshotView:
    row, manifest, url = stand.snapshot, None, None
    if row.as_of is not None:
        manifest = Manifest(
            position=row.position,
            as_of=row.as_of,
            version=row.version or 0,
            rows=row.rows or 0,
            sha256=row.sha256 or "",
            bytes=row.bytes_ or 0,
        )
        url = f"/v1/subscriptions/{row.subscription_id}/snapshots/{row.id}/content"
    return SnapshotView(
        id=row.id,
        status=stand.status,
        format=Format(row.format),
        job_id=row.job_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        manifest=manifest,
        url=url,
    )
