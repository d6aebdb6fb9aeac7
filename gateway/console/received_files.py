"""文件和快照: what a subscription of mode `file` downloads; and a look at the newest records."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from fastapi import APIRouter, Response

from auth.principal import Role
from exchange.delivery.files.receiving import Wanted
from exchange.delivery.snapshots.asking import Stand
from exchange.delivery.snapshots.formats import Format
from exchange.delivery.viewing.preview import RECORDS_MAX
from gateway.api import received_files as files
from gateway.api import snapshots as api
from gateway.api import subscriptions
from gateway.api.received_files import ReceivedFileView
from gateway.api.snapshots import NewSnapshot, SnapshotView
from gateway.api.subscriptions import SubscriptionDetail
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from gateway.downloads import download
from gateway.token_caller import TokenCaller, leaving
from kernel.errors import NotFound, ShuyuanError
from kernel.paging import PageRequest

router = APIRouter()
TEMPLATE, PREVIEW = "received_files.html", "preview.html"
ADDRESS = "/console/subscriptions/{id}"
SNAPSHOTS = PageRequest(50)
MODE = "file"


@dataclass(frozen=True, slots=True)
class Received:
    """`refusal` is what keeps all of it back, `kept_back` what keeps the provider's files.

    `jobs` are those of snapshots that the person may follow.
    """

    subscription_id: str
    resource_name: str
    snapshots: Sequence[SnapshotView]
    jobs: frozenset[str]
    asks: bool
    formats: Sequence[str]
    refusal: ShuyuanError | None
    files: Sequence[ReceivedFileView]
    kept_back: ShuyuanError | None
    next_cursor: str | None


def caller_of(visit: Visit) -> TokenCaller:
    """Return who asks, for the use cases that ask again while bytes leave."""
    return TokenCaller(visit.using, visit.request, visit.session.access.encode())


async def _found(visit: Visit) -> SubscriptionDetail:
    """Return a subscription that the person's department received; raises NotFound."""
    visit.principal.require_role(Role.CLERK, Role.HEAD)
    found = await subscriptions.find(visit.part("id"), visit.principal, visit.using, Response())
    if found.consumer_department != visit.principal.department:
        raise NotFound
    return found


@page(router, f"{ADDRESS}/files", TEMPLATE)
async def received(visit: Visit) -> Received:
    found = await _found(visit)
    if found.mode != MODE:
        raise NotFound
    stands, refusal = await _snapshots(visit, found.id)
    made = [each.snapshot for each in stands]
    shown: Sequence[ReceivedFileView] = ()
    kept_back, next_cursor = refusal, None
    if refusal is None:
        shown, kept_back, next_cursor = await _files(visit, found.id)
    return Received(
        subscription_id=found.id,
        resource_name=found.resource_name or found.resource_id,
        snapshots=[api.view(each) for each in stands],
        jobs=frozenset(
            each.job_id for each in made if visit.follows(each.created_by_kind, each.created_by)
        ),
        asks=visit.has(Role.CLERK) and refusal is None,
        formats=[str(each) for each in Format],
        refusal=refusal,
        files=shown,
        kept_back=kept_back,
        next_cursor=next_cursor,
    )


async def _snapshots(
    visit: Visit, subscription_id: str
) -> tuple[Sequence[Stand], ShuyuanError | None]:
    try:
        found = await visit.using.bus.snapshots.page(caller_of(visit), subscription_id, SNAPSHOTS)
    except NotFound:
        raise
    except ShuyuanError as error:
        return (), error
    return found.items, None


async def _files(
    visit: Visit, subscription_id: str
) -> tuple[Sequence[ReceivedFileView], ShuyuanError | None, str | None]:
    wanted = Wanted(visit.paging)
    try:
        found = await visit.using.bus.received_files.page(caller_of(visit), subscription_id, wanted)
    except NotFound:
        raise
    except ShuyuanError as error:
        return (), error, None
    return [files.view(subscription_id, each) for each in found.items], None, found.next_cursor


async def make(visit: Visit) -> Go:
    """Queue a snapshot in the format that was chosen."""
    using, subscription_id = visit.using, visit.part("id")
    wanted = forms.body(NewSnapshot, forms.present({"format": visit.text("format")})).format
    await using.gate.take(using.gate.buckets(visit.principal, subscription_id))
    entered = await using.bus.snapshots.require(caller_of(visit), subscription_id, wanted)
    async with visit.writing() as session:
        await using.bus.snapshots.begin(session, visit.principal, entered, wanted)
    done = N_("快照正在生成，稍后刷新本页下载。")
    return Go(f"/console/subscriptions/{subscription_id}/files", done)


async def drop(visit: Visit) -> Go:
    """Remove the snapshot that was chosen."""
    subscription_id, snapshot_id = visit.part("id"), forms.required(visit, "snapshot")
    await visit.using.bus.snapshots.drop(caller_of(visit), subscription_id, snapshot_id)
    return Go(f"/console/subscriptions/{subscription_id}/files", N_("快照已删除，不能再下载。"))


act(router, f"{ADDRESS}/snapshots", received, TEMPLATE)(make)
act(router, f"{ADDRESS}/snapshots/remove", received, TEMPLATE)(drop)


@page(router, f"{ADDRESS}/snapshots/{{snapshot_id}}", TEMPLATE)
async def snapshot(visit: Visit) -> Response:
    """Download a snapshot; it ends when the grant no longer lets it leave."""
    using, subscription_id = visit.using, visit.part("id")
    await using.gate.take(using.gate.buckets(visit.principal, subscription_id))
    opened = await using.bus.snapshots.open(
        caller_of(visit), subscription_id, visit.part("snapshot_id")
    )
    return await download(using, visit.request, opened.blob, opened.made_at, opened.admission)


@page(router, f"{ADDRESS}/files/{{file_id}}", TEMPLATE)
async def file(visit: Visit) -> Response:
    """Download a provider's file: one unit of the day's quota."""
    using, subscription_id = visit.using, visit.part("id")
    await using.gate.take(using.gate.buckets(visit.principal, subscription_id))
    opened = await using.bus.received_files.open(
        caller_of(visit), subscription_id, visit.part("file_id")
    )
    return await download(using, visit.request, opened.blob, opened.made_at, opened.admission)


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """`lines` are there once they were asked for: op, key, and the values of `columns`."""

    subscription_id: str
    resource_name: str
    most: int
    columns: Sequence[str]
    lines: Sequence[tuple[str, str, Sequence[object]]] | None


@page(router, f"{ADDRESS}/preview", PREVIEW)
async def preview(visit: Visit) -> PreviewPage:
    found = await _found(visit)
    return PreviewPage(
        found.id, found.resource_name or found.resource_id, RECORDS_MAX, found.items, None
    )


async def look(visit: Visit) -> PreviewPage:
    """Show some of the newest records; charged to the day's quota, audited by name."""
    using, found = visit.using, await _found(visit)
    await using.gate.take(using.gate.buckets(visit.principal, found.id))
    shown = await using.bus.previewer.preview(caller_of(visit), found.id, RECORDS_MAX)
    leaving(visit.request, shown.admission)
    lines = [_line(orjson.loads(each), found.items) for each in shown.lines]
    return PreviewPage(
        found.id, found.resource_name or found.resource_id, RECORDS_MAX, found.items, lines
    )


def _line(line: dict[str, object], items: Sequence[str]) -> tuple[str, str, Sequence[object]]:
    data = line.get("data")
    values = data if isinstance(data, dict) else {}
    return str(line["op"]), str(line["key"]), [values.get(name, "") for name in items]


act(router, f"{ADDRESS}/preview", preview, PREVIEW)(look)
