"""`/v1/resources`: the catalogue (`api.md` section 3); publish and retire are in `publishing`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from auth.principal import Role, Scope
from catalog import lifecycle, resources, search, versions
from catalog.contracts.examples import described, examples
from catalog.entries import ShareType
from catalog.search import Criteria
from catalog.states import State
from catalog.visibility import Shown
from exchange.publishing.publish import Media
from gateway.api.dry_runs import DryRun, dry_run
from gateway.api.entries import (
    DiffView,
    EntryIn,
    Reason,
    ResourceSummary,
    ResourceView,
    SignOff,
    TransitionView,
    VersionSummary,
    diff_view,
    summaries,
    transition_views,
    version_summary,
    view,
)
from gateway.api.registry import RegionInForce, Words
from gateway.lists import ListOf, Paging, Revision, tag
from gateway.once import Acting, Once, creating
from gateway.principal import CatalogReader, CatalogWriter
from gateway.problems import in_english
from gateway.services import Reading, Using, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.turns import unhurried
from kernel.workdays import local_date

router = APIRouter(prefix="/v1/resources", tags=["resources"])

Creating = Annotated[Once, Depends(creating(Scope.CATALOG_WRITE, Role.CLERK))]

VERSION_MAX = 1_000_000
ResourceId = Annotated[str, Path(min_length=1, max_length=64)]
Number = Annotated[int, Path(ge=1, le=VERSION_MAX)]
VersionQuery = Annotated[int, Query(ge=1, le=VERSION_MAX)]
Exact = Annotated[str | None, Query(max_length=64)]
Facet = Literal["department", "class", "share_type", "status"]


RECORDS = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]
            }
        }
    },
}


class SchemaResponse(JSONResponse):
    media_type = "application/schema+json"


class ResourceList(ListOf[ResourceSummary]):
    """`facets` count what the filters find, with the first page; later pages do without.

    They are not complete where more than 10,000 resources were found: so many are counted.
    """

    facets: dict[Facet, dict[str, int]]
    facets_complete: bool


@router.post("", status_code=201)
async def create(
    body: EntryIn,
    once: Creating,
    session: Writing,
    principal: CatalogWriter,
    response: Response,
) -> ResourceView:
    """编制资源目录草稿 / draft a catalogue entry; by a clerk."""
    shown = await resources.create(session, principal, body.entry(), now=clock.now())
    return await once.keep(await tagged(session, shown, response))


@router.get("")
async def find(  # noqa: PLR0913 - a filter is a parameter
    session: Reading,
    principal: CatalogReader,
    page: Paging,
    *,
    q: Words = None,
    department: Exact = None,
    region_code: Annotated[RegionInForce | None, Query()] = None,
    class_code: Annotated[str | None, Query(alias="class", pattern="^[0-9]{1,20}$")] = None,
    share_type: ShareType | None = None,
    element: Exact = None,
    status: State | None = None,
) -> ResourceList:
    """资源目录列表，可检索 / the catalogue, searched and filtered."""
    criteria = Criteria(
        q=q,
        department=department,
        region_code=region_code,
        class_code=class_code,
        share_type=share_type,
        element=element,
        status=status,
    )
    found = await search.find(session, principal, criteria, page)
    items = await summaries(session, found.page.items)
    return ResourceList.model_validate(
        {
            "items": items,
            "next_cursor": found.page.next_cursor,
            "facets": found.facets.counts,
            "facets_complete": found.facets.complete,
        }
    )


@router.get("/{resource_id}")
async def get(
    resource_id: ResourceId, session: Reading, principal: CatalogReader, response: Response
) -> ResourceView:
    """一条资源目录 / one catalogue entry."""
    shown = await resources.get(session, principal, resource_id)
    return await tagged(session, shown, response)


class Stepping:
    """Answers with a resource after a transition, again to its Idempotency-Key."""

    def __init__(self, session: Writing, response: Response, once: Acting) -> None:
        self._session, self._response, self._once = session, response, once

    async def __call__(self, shown: Shown) -> ResourceView:
        return await self._once.keep(await tagged(self._session, shown, self._response))


Step = Annotated[Stepping, Depends()]


@router.put("/{resource_id}")
async def change(
    resource_id: ResourceId,
    body: EntryIn,
    revision: Revision,
    session: Writing,
    principal: CatalogWriter,
    response: Response,
) -> ResourceView:
    """只有草稿可以修改 / only a draft can be changed."""
    shown = await resources.change(
        session, principal, resource_id, body.entry(), revision=revision, now=clock.now()
    )
    return await tagged(session, shown, response)


@router.post("/{resource_id}/submit")
async def submit(
    resource_id: ResourceId,
    body: SignOff,
    session: Writing,
    principal: CatalogWriter,
    step: Step,
    using: Using,
) -> ResourceView:
    """The head signs off; outside development not who drafted it (403 `four_eyes`)."""
    now, four_eyes = clock.now(), using.settings.needs_four_eyes
    shown = await lifecycle.submit(
        session,
        principal,
        resource_id,
        **body.model_dump(),
        now=now,
        four_eyes=four_eyes,
        similar_score=using.settings.similar_score,
    )
    return await step(shown)


@router.post("/{resource_id}/withdraw")
async def withdraw(
    resource_id: ResourceId, session: Writing, principal: CatalogWriter, step: Step
) -> ResourceView:
    """撤回送审，继续起草 / take back what was submitted, and go on drafting."""
    shown = await lifecycle.withdraw(session, principal, resource_id, now=clock.now())
    return await step(shown)


@router.post("/{resource_id}/discard")
async def discard(
    resource_id: ResourceId, session: Writing, principal: CatalogWriter, step: Step
) -> ResourceView:
    """放弃草稿，已发布的版本不变 / give a draft up; what is published stays."""
    shown = await lifecycle.discard(session, principal, resource_id, now=clock.now())
    return await step(shown)


@router.post("/{resource_id}/return")
async def send_back(
    resource_id: ResourceId,
    body: Reason,
    session: Writing,
    principal: CatalogWriter,
    step: Step,
) -> ResourceView:
    """退回修改 / return an entry for changes; by the authority."""
    shown = await lifecycle.send_back(
        session, principal, resource_id, reason=body.reason, now=clock.now()
    )
    return await step(shown)


@router.post("/{resource_id}/approve")
async def approve(
    resource_id: ResourceId, session: Writing, principal: CatalogWriter, step: Step
) -> ResourceView:
    """审核通过 / approve an entry; by the authority (Art 16)."""
    shown = await lifecycle.approve(session, principal, resource_id, now=clock.now())
    return await step(shown)


@router.post("/{resource_id}/revise")
async def revise(
    resource_id: ResourceId, session: Writing, principal: CatalogWriter, step: Step
) -> ResourceView:
    """起草下一版本，现行版本继续有效 / draft the next version; this one goes on serving."""
    shown = await lifecycle.revise(session, principal, resource_id, now=clock.now())
    return await step(shown)


@router.get("/{resource_id}/versions")
async def list_versions(
    resource_id: ResourceId, session: Reading, principal: CatalogReader
) -> ListOf[VersionSummary]:
    """资源目录的各版本 / the versions of an entry."""
    found = await versions.listed(session, principal, resource_id)
    return ListOf(items=[version_summary(shown) for shown in found], next_cursor=None)


@router.get("/{resource_id}/versions/{number}")
async def get_version(
    resource_id: ResourceId, number: Number, session: Reading, principal: CatalogReader
) -> ResourceView:
    """资源目录的一个版本 / one version of an entry."""
    return await view(session, await versions.shown(session, principal, resource_id, number))


@router.get("/{resource_id}/history")
async def history(
    resource_id: ResourceId, session: Reading, principal: CatalogReader
) -> ListOf[TransitionView]:
    """经过的状态，限本部门与主管部门 / past transitions; for those who may see drafts."""
    steps = await versions.history(session, principal, resource_id)
    items = await transition_views(session, principal, steps)
    return ListOf(items=items, next_cursor=None)


@router.get("/{resource_id}/diff")
async def diff(
    resource_id: ResourceId,
    session: Reading,
    principal: CatalogReader,
    old: Annotated[int, Query(alias="from", ge=1, le=VERSION_MAX)],
    new: Annotated[int, Query(alias="to", ge=1, le=VERSION_MAX)],
) -> DiffView:
    """两个版本的差异与兼容性结论 / what changed, and whether consumers can go on unchanged."""
    found = await versions.compare_versions(
        session, principal, resource_id, old, new, on=local_date(clock.now())
    )
    return diff_view(old, new, found)


@router.get(
    "/{resource_id}/schema",
    response_class=SchemaResponse,
    responses={200: {"content": {SchemaResponse.media_type: {"schema": {"type": "object"}}}}},
)
async def schema(
    resource_id: ResourceId,
    session: Reading,
    principal: CatalogReader,
    version: VersionQuery | None = None,
) -> SchemaResponse:
    """一条记录的 JSON Schema 2020-12，附虚构的示例记录；缺省为现行版本 / with made-up examples.

    Of the version in force by default.
    """
    contract = await versions.shown_contract(
        session, principal, resource_id, version, on=local_date(clock.now())
    )
    return SchemaResponse(described(contract, await unhurried(examples(contract))))


@router.post("/{resource_id}/validate", openapi_extra={"requestBody": RECORDS})
async def validate(
    resource_id: ResourceId,
    using: Using,
    principal: CatalogReader,
    request: Request,
    version: VersionQuery | None = None,
) -> DryRun:
    """试校验，不保存任何内容 / check records as publishing would, storing nothing."""
    # As publishing does: before the body, so that nobody sends megabytes in vain.
    await using.gate.take(using.gate.buckets(principal))
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = Media.NDJSON if media == Media.NDJSON else Media.JSON
    checked = await using.bus.dry_runs.check(
        principal, resource_id, await request.body(), kind, version
    )
    english = in_english(request.headers.get("accept-language", ""))
    return dry_run(checked, english=english)


async def tagged(session: ReadSession, shown: Shown, response: Response) -> ResourceView:
    tag(response, shown.resource.revision)
    return await view(session, shown)
