"""`/v1/resources/{id}/replacements`: all records of a resource loaded anew, for its provider."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import Field

from exchange.replacements import register
from exchange.replacements.register import Standing
from exchange.replacements.states import Action, State
from gateway.api.jobs import Queued
from gateway.api.records import ThingId
from gateway.lists import ListOf, Paging
from gateway.once import Keyed
from gateway.principal import Caller
from gateway.services import Reading, Using
from kernel import clock
from kernel.wire import Wire

router = APIRouter(prefix="/v1/resources/{id}/replacements", tags=["records"])

CREATED, ACCEPTED = 201, 202
DELETES_MAX: Final = 1_000_000_000
ReplacementId = Annotated[str, Path(min_length=1, max_length=64)]
DryRun = Annotated[bool, Query(description="只计数，不执行 / count only")]


class ReplacementView(Wire):
    """`deletes` are those of the commit; `allowed` is what the provider may ask for now."""

    replacement_id: str
    resource_id: str
    status: State
    began_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    job_id: str | None
    deletes: int | None
    allowed: list[Action]


class CommitBody(Wire):
    """More than `max_deletes` are refused; without it, a tenth of the latest state."""

    max_deletes: Annotated[int | None, Field(ge=0, le=DELETES_MAX)] = None


@router.post("", status_code=CREATED)
async def begin(
    id: ThingId,  # noqa: A002 - the contract's name
    principal: Caller,
    using: Using,
    key: Keyed,
) -> ReplacementView:
    """开始全量替换；24 小时后自行结束 / begin one; it ends by itself after 24 hours.

    For publishers, clerks and heads of the department; a second one is 409 `replacement_open`.
    """
    async with using.database.reading() as reading:
        await key.answered(reading)
    replacements = using.bus.replacements
    beginning = await replacements.ends(principal, id)
    async with using.database.transaction() as session:
        once = await key.claimed(session, CREATED)
        begun = await replacements.begin(session, principal, id, beginning, clock.now())
        return await once.keep(_view(begun))


@router.get("")
async def page(
    id: ThingId,  # noqa: A002 - the contract's name
    principal: Caller,
    session: Reading,
    paging: Paging,
) -> ListOf[ReplacementView]:
    """该资源的全量替换，最新的在前 / the newest first."""
    found = await register.page(session, principal, id, paging, now=clock.now())
    return ListOf(items=[_view(each) for each in found.items], next_cursor=found.next_cursor)


@router.get("/{replacement_id}")
async def find(
    id: ThingId,  # noqa: A002 - the contract's name
    replacement_id: ReplacementId,
    principal: Caller,
    session: Reading,
) -> ReplacementView:
    """全量替换的状态 / how one stands."""
    return _view(await register.find(session, principal, id, replacement_id, now=clock.now()))


@router.post("/{replacement_id}/commit", status_code=ACCEPTED)
async def commit(
    id: ThingId,  # noqa: A002 - the contract's name
    replacement_id: ReplacementId,
    principal: Caller,
    using: Using,
    key: Keyed,
    *,
    dry_run: DryRun = False,
    body: CommitBody | None = None,
) -> Queued:
    """提交：删除未重新提供的记录 / delete what was not loaded anew, by a job.

    Its result is a JSON document of figures with `dry_run`. 409 `keys_unreadable`,
    `too_many_deletes`, `state_incomplete` come at once where that is known at once, else from the
    job.
    """
    async with using.database.reading() as reading:
        await key.answered(reading)
    most = None if body is None else body.max_deletes
    await using.bus.replacements.check(principal, id, replacement_id, most, dry_run=dry_run)
    async with using.database.transaction() as session:
        once = await key.claimed(session, ACCEPTED)
        job = await register.commit(
            session, principal, id, replacement_id, most, dry_run=dry_run, now=clock.now()
        )
        return await once.keep(Queued(job_id=job.id))


@router.post("/{replacement_id}/abort")
async def abort(
    id: ThingId,  # noqa: A002 - the contract's name
    replacement_id: ReplacementId,
    principal: Caller,
    using: Using,
    key: Keyed,
) -> ReplacementView:
    """放弃；已发布、已删除的不恢复 / stop; nothing is undone."""
    async with using.database.transaction() as session:
        once = await key.claimed(session)
        ended = await register.abort(session, principal, id, replacement_id, now=clock.now())
        return await once.keep(_view(ended))


def _view(standing: Standing) -> ReplacementView:
    row = standing.row
    return ReplacementView(
        replacement_id=row.id,
        resource_id=row.resource_id,
        status=standing.state,
        began_at=row.began_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
        job_id=row.job_id,
        deletes=row.deletes,
        allowed=list(standing.allowed),
    )
