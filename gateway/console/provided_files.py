"""文件: what a department hands on as it is, for its resource's subscribers of mode `file`."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from auth.principal import Role
from catalog import versions
from exchange.delivery.files import providing
from exchange.delivery.files.providing import NewFile
from exchange.delivery.files.states import State
from gateway import tus
from gateway.api import files as api
from gateway.api.files import FileView
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from gateway.edge import STREAMED_MAX
from kernel.database import ReadSession
from kernel.errors import FieldError, Invalid, NotFound, ShuyuanError

router = APIRouter()
TEMPLATE = "provided_files.html"
ADDRESS = "/console/resources/{id}/files"
PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class ProvidedFiles:
    """`sends` says whether the person may hand a file on; `refusal` why the resource takes none.

    `jobs` are the checks that the person may follow.
    """

    resource_id: str
    name: str
    files: Sequence[FileView]
    jobs: frozenset[str | None]
    next_cursor: str | None
    sends: bool
    removes: bool
    refusal: ShuyuanError | None


@page(router, ADDRESS, TEMPLATE)
async def listed(visit: Visit) -> ProvidedFiles:
    resource_id, status = visit.part("id"), visit.query("status")
    async with visit.reading() as session:
        found = await providing.page(
            session,
            visit.principal,
            resource_id,
            visit.paging,
            State(status) if status in set(State) else None,
        )
        name, refusal = await _taking(visit, session, resource_id)
    clerk = visit.has(Role.CLERK)
    return ProvidedFiles(
        resource_id=resource_id,
        name=name,
        files=[api.view(each) for each in found.items],
        jobs=frozenset(
            each.job_id
            for each in found.items
            if visit.follows(each.created_by_kind, each.created_by)
        ),
        next_cursor=found.next_cursor,
        sends=clerk and refusal is None,
        removes=clerk,
        refusal=refusal,
    )


async def _taking(
    visit: Visit, session: ReadSession, resource_id: str
) -> tuple[str, ShuyuanError | None]:
    """Return the entry's name, and what keeps files from it."""
    shown = await versions.shown(session, visit.principal, resource_id)
    try:
        contract = await versions.contract_of(session, resource_id)
        entry = (
            await versions.shown(session, visit.principal, resource_id, contract.version)
        ).version
        providing.require_allowed(entry.grade, entry.share_modes, masked=bool(contract.masks))
    except NotFound:
        raise
    except ShuyuanError as error:
        return shown.version.name, error
    return shown.version.name, None


async def send(visit: Visit) -> Go:
    """Take a whole file in; a job scans it, and compares its digest where one was typed."""
    resource_id, using = visit.part("id"), visit.using
    sent = visit.upload("file")
    if sent is None or sent.size is None:
        raise Invalid(errors=[FieldError("file", "missing", "请选择文件", "choose a file")])
    told = {"filename": visit.text("name") or sent.filename or ""}
    told |= forms.present({"filetype": sent.content_type, "sha256": visit.text("sha256")})
    new = NewFile(sent.size, tus.name_of(told, "file"), tus.media_of(told), tus.claimed_of(told))
    async with visit.reading() as session:
        await providing.require_provider(session, visit.principal, resource_id)

    async def pieces() -> AsyncIterator[bytes]:
        while piece := await sent.read(PIECE):
            yield piece

    stored = await using.blobs.write(pieces(), most_bytes=STREAMED_MAX)
    async with using.blobs.keeping(stored), visit.writing() as session:
        now = visit.now
        file = await providing.create(session, visit.principal, resource_id, new, now=now)
        if stored.bytes:
            await providing.append(session, using.box, visit.principal, file, 0, stored, now=now)
    if not stored.bytes:
        await using.blobs.drop(stored)
    return _back(visit, N_("文件已收到，正在检查；检查通过后即可下载。"))


async def remove(visit: Visit) -> Go:
    file_id = forms.required(visit, "file")
    async with visit.writing() as session:
        await providing.remove(session, visit.principal, visit.part("id"), file_id, now=visit.now)
    return _back(visit, N_("文件已撤回，不能再下载。"))


def _back(visit: Visit, done: str) -> Go:
    return Go(f"/console/resources/{visit.part('id')}/files", done)


act(router, ADDRESS, listed, TEMPLATE)(send)
act(router, f"{ADDRESS}/remove", listed, TEMPLATE)(remove)
