"""`POST /v1/catalogue/similar` and `GET /v1/resources/{id}/similar`: what carries the same data."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from auth.principal import Principal, Scope
from catalog import similar
from catalog.rules.similarity import Match
from catalog.similar import ASKING, Similar, SimilarElement, SimilarResource, Wanted, WantedItem
from catalog.states import State
from gateway import names
from gateway.api.entries import ITEMS_MAX
from gateway.api.registry import ElementCode, Line, Prose, RegionInForce
from gateway.api.resources import ResourceId
from gateway.principal import CatalogReader, with_scope
from gateway.problems import in_english
from gateway.services import Reading, Using
from kernel.database import ReadSession
from kernel.wire import Wire

router = APIRouter(prefix="/v1/catalogue", tags=["resources"])
of_resources = APIRouter(prefix="/v1/resources", tags=["resources"])


Drafting = Annotated[Principal, Depends(with_scope(Scope.CATALOG_READ, *ASKING))]


class SimilarItemIn(Wire):
    """An item is what its element says; the label tells where there is none yet."""

    label: Line
    element: ElementCode | None = None


class SimilarIn(Wire):
    """`region_code` is the caller's own where it is left out."""

    name: Line
    abstract: Prose | None = None
    items: Annotated[list[SimilarItemIn], Field(max_length=ITEMS_MAX)]
    region_code: RegionInForce | None = None

    def wanted(self, region_code: str) -> Wanted:
        return Wanted(
            name=self.name,
            abstract=self.abstract or "",
            items=[WantedItem(item.label, item.element) for item in self.items],
            region_code=self.region_code or region_code,
        )


class SourceOf(Wire):
    department: str
    department_name: str | None
    region_code: str


class SimilarElementView(Wire):
    """`label` is of the item that the element is most like."""

    code: str
    name: str
    score: float
    label: str
    source: SourceOf | None


class SimilarResourceView(Wire):
    """`shared` are the elements by which it carries the same data.

    `needs_reason`: to be referred to by an item, or explained in `duplicates`, at `submit`.
    """

    id: str
    name: str
    department: str
    department_name: str | None
    region_code: str
    status: State
    score: float
    shared: list[str]
    why: str
    needs_reason: bool


class SimilarView(Wire):
    """The 20 that are likest of each kind."""

    elements: list[SimilarElementView]
    resources: list[SimilarResourceView]


@router.post("/similar")
async def find(
    body: SimilarIn,
    request: Request,
    session: Reading,
    principal: Drafting,
    using: Using,
) -> SimilarView:
    """起草时查找已有的相同数据 / what carries the same data already, before it is drafted."""
    wanted = body.wanted(principal.region_code)
    found = await similar.find(session, principal, wanted, using.settings.similar_score)
    return await view(session, found, english=_english(request))


@of_resources.get("/{resource_id}/similar")
async def of_resource(
    resource_id: ResourceId,
    request: Request,
    session: Reading,
    principal: CatalogReader,
    using: Using,
) -> SimilarView:
    """与该资源相似的数据元和资源 / elements and resources that are like the version shown."""
    threshold = using.settings.similar_score
    found = await similar.of_resource(session, principal, resource_id, threshold)
    return await view(session, found, english=_english(request))


def _english(request: Request) -> bool:
    return in_english(request.headers.get("accept-language", ""))


async def view(session: ReadSession, found: Similar, *, english: bool) -> SimilarView:
    """Return what was found with names, and why it is alike in words."""
    elements = [_element(each) for each in found.elements]
    resources = [_resource(each, english=english) for each in found.resources]
    origins = [each["source"] for each in elements if each["source"] is not None]
    await names.add(session, [*origins, *resources])
    return SimilarView.model_validate({"elements": elements, "resources": resources})


def _element(found: SimilarElement) -> dict[str, Any]:
    source = found.source
    return {
        "code": found.element.code,
        "name": found.element.name,
        "score": found.score,
        "label": found.label,
        "source": source and {"department": source.department, "region_code": source.region_code},
    }


def _resource(found: SimilarResource, *, english: bool) -> dict[str, Any]:
    resource, version = found.carrier
    return {
        "id": resource.id,
        "name": version.name,
        "department": resource.department,
        "region_code": resource.region_code,
        "status": version.state,
        "score": found.score,
        "shared": list(found.match.shared),
        "why": _why(found.match, same_region=found.same_region, english=english),
        "needs_reason": found.needs_reason,
    }


def _why(match: Match, *, same_region: bool, english: bool) -> str:
    if english:
        parts = [f"{match.same_items} of {match.items} items are the same data"]
        parts += [f"names alike by {match.names:.0%}"] if match.names else []
        parts += [] if same_region else ["of another division"]
        return "; ".join(parts)
    parts = [f"{match.items} 项中有 {match.same_items} 项为相同数据"]
    parts += [f"名称相似度 {match.names:.0%}"] if match.names else []
    parts += [] if same_region else ["属其他行政区划"]
    return "；".join(parts)
