"""`/v1/regions`: the divisions of Guangxi with their history, and the state above them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from auth.regions import directory
from auth.regions.directory import Criteria
from auth.regions.register import Division, Level
from gateway.api.registry import Words
from gateway.lists import ListOf, Paging
from gateway.principal import CatalogReader
from kernel.paging import PageRequest
from kernel.wire import Wire

router = APIRouter(prefix="/v1/regions", tags=["regions"])

Status = Literal["in_force", "ended"]
DivisionCode = Annotated[
    str, Path(min_length=6, max_length=12, description="行政区划代码 / division code")
]


class FormerNameView(Wire):
    """A name that the code bore up to a year."""

    name: str
    until: int | None


class DivisionView(Wire):
    """A division; `parent_code` of an ended one is what is above its successors."""

    code: str
    name: str
    level: Level
    parent_code: str | None
    status: Status
    valid_from: int | None
    valid_to: int | None
    successors: list[str]
    former_names: list[FormerNameView]


def view(division: Division) -> DivisionView:
    return DivisionView(
        code=division.code,
        name=division.name,
        level=division.level,
        parent_code=directory.parent(division),
        status="in_force" if division.in_force else "ended",
        valid_from=division.valid_from,
        valid_to=division.valid_to,
        successors=list(division.successors),
        former_names=[FormerNameView.model_validate(each) for each in division.former_names],
    )


@router.get("")
async def find(
    _: CatalogReader,
    page: Paging,
    q: Words = None,
    parent: Annotated[str | None, Query(min_length=6, max_length=12)] = None,
    level: Level | None = None,
    status: Status | None = None,
) -> ListOf[DivisionView]:
    """行政区划（广西及国家，含沿革）/ divisions: those below one by `parent`, by level or name."""
    in_force = None if status is None else status == "in_force"
    criteria = Criteria(q=q, parent=parent, level=level, in_force=in_force)
    rows = directory.search(criteria, after=page.after, limit=page.limit + 1)
    found = PageRequest(page.limit).page(rows, "code")
    return ListOf(items=[view(each) for each in found.items], next_cursor=found.next_cursor)


@router.get("/{code}")
async def get(code: DivisionCode, _: CatalogReader) -> DivisionView:
    """一个区划，含已停用的及其继任 / a division, an ended one with its successors."""
    return view(directory.get(code))
