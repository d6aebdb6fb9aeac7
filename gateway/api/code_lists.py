"""`/v1/code-lists`: value domains with editions and effective dates (`api.md` section 3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import Field, SkipValidation, ValidationError

from auth.principal import Role, Scope
from catalog import code_lists
from catalog.code_lists import NewCodeList, NewEdition
from catalog.rules.code_lists import NewCode
from catalog.rules.code_maps import MapKind
from gateway.api.entries import Reason
from gateway.api.registry import Code, CodeInPath, Line, Words
from gateway.lists import ListOf, Paging
from gateway.once import Acting, Once, creating
from gateway.principal import CatalogReader, CatalogWriter
from gateway.services import Reading, Writing
from kernel import clock
from kernel.turns import Steps, unhurried
from kernel.wire import Day, Wire
from kernel.workdays import local_date

router = APIRouter(prefix="/v1/code-lists", tags=["code lists"])

Creating = Annotated[Once, Depends(creating(Scope.CATALOG_WRITE, Role.AUTHORITY))]

ITEMS_MAX = 20_000
# What is wrong with many more items is not looked for.
ERRORS_MAX = 1_000
EditionName = Annotated[str, Path(min_length=1, max_length=200)]
Value = Annotated[str, Field(min_length=1, max_length=100)]


class CodeListIn(Wire):
    code: Code
    name: Line
    standard: Code


class EditionView(Wire):
    edition: str
    effective_from: Day
    withdrawn_at: datetime | None
    withdraw_reason: str | None
    created_at: datetime


class PairView(Wire):
    """`to` is empty where the value has ended without a successor."""

    source: Annotated[str, Field(serialization_alias="from")]
    targets: Annotated[list[str], Field(serialization_alias="to")]
    kind: MapKind


class MapView(Wire):
    pairs: list[PairView]


class CodeListView(Wire):
    code: str
    name: str
    standard: str
    created_at: datetime


class CodeListWithEditions(CodeListView):
    editions: list[EditionView]


class CodeItemIn(Wire):
    """`successors` are the values that took the place of one that has ended."""

    value: Value
    name: Line
    parent: Value | None = None
    effective_from: Day | None = None
    effective_to: Day | None = None
    successors: Annotated[list[Value], Field(max_length=100)] | None = None

    def code(self) -> NewCode:
        fields = self.model_dump(exclude={"successors"})
        return NewCode(**fields, successors=tuple(self.successors or ()))


class CodeItemView(Wire):
    value: str
    name: str
    parent: str | None
    effective_from: Day | None
    effective_to: Day | None
    successors: list[str]
    edition: str


class EditionIn(Wire):
    """The items are looked at in turns with others: an edition may hold thousands."""

    edition: Line
    effective_from: Day
    items: Annotated[
        list[Annotated[CodeItemIn, SkipValidation]], Field(min_length=1, max_length=ITEMS_MAX)
    ]

    async def codes(self) -> tuple[NewCode, ...]:
        """Return the items; raises RequestValidationError with places that are wrong."""
        return await unhurried(_codes(self.items))


def _codes(items: Sequence[object]) -> Steps[tuple[NewCode, ...]]:
    codes: list[NewCode] = []
    errors: list[Any] = []
    for place, item in enumerate(items):
        yield
        try:
            codes.append(CodeItemIn.model_validate(item).code())
        except ValidationError as error:
            here = ("body", "items", place)
            errors += [{**each, "loc": (*here, *each["loc"])} for each in error.errors()]
        if len(errors) > ERRORS_MAX:
            break
    if errors:
        raise RequestValidationError(errors)
    return tuple(codes)


class EditionAdded(EditionView):
    code_list: str
    item_count: int


@router.post("", status_code=201)
async def register(
    body: CodeListIn, once: Creating, session: Writing, principal: CatalogWriter
) -> CodeListView:
    """登记代码集及其第一版 / register a code list with its first edition."""
    new = NewCodeList(**body.model_dump())
    row = await code_lists.register(session, principal, new, now=clock.now())
    return await once.keep(CodeListView.model_validate(row))


@router.get("")
async def find(
    session: Reading, _: CatalogReader, page: Paging, q: Words = None
) -> ListOf[CodeListView]:
    """代码集列表 / the code lists."""
    found = await code_lists.find(session, q, page)
    items = [CodeListView.model_validate(row) for row in found.items]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.post("/{code:path}/editions", status_code=201)
async def add_edition(
    code: CodeInPath, body: EditionIn, once: Creating, session: Writing, principal: CatalogWriter
) -> EditionAdded:
    """发布代码集的新版 / add an edition, with what became of older codes."""
    new = NewEdition(
        edition=body.edition,
        effective_from=body.effective_from,
        items=await body.codes(),
    )
    row = await code_lists.add_edition(session, principal, code, new, now=clock.now())
    return await once.keep(EditionAdded(**row.model_dump(), item_count=len(body.items)))


@router.post("/{code:path}/editions/{edition}/withdraw")
async def withdraw(
    code: CodeInPath,
    edition: EditionName,
    body: Reason,
    session: Writing,
    principal: CatalogWriter,
    once: Acting,
) -> EditionView:
    """撤销有误的版次，其前一版次恢复有效 / take a wrong edition out of force."""
    row = await code_lists.withdraw_edition(
        session, principal, code, edition, reason=body.reason, now=clock.now()
    )
    return await once.keep(EditionView.model_validate(row))


@router.get("/{code:path}/map")
async def mapped(
    code: CodeInPath,
    session: Reading,
    _: CatalogReader,
    first: Annotated[str, Query(alias="from", min_length=1, max_length=200)],
    last: Annotated[str, Query(alias="to", min_length=1, max_length=200)],
    value: Annotated[str | None, Query(max_length=100)] = None,
) -> MapView:
    """较早版次的代码在较晚版次中的对应 / what values of an edition are in a later one."""
    found = await code_lists.mapped(session, code, first, last, value)
    views = [
        PairView(source=pair.source, targets=list(pair.targets), kind=pair.kind) for pair in found
    ]
    return MapView(pairs=views)


@router.get("/{code:path}/items")
async def items(
    code: CodeInPath,
    session: Reading,
    _: CatalogReader,
    page: Paging,
    on: Annotated[Day | None, Query(description="该日有效的代码；缺省为今天")] = None,
) -> ListOf[CodeItemView]:
    """某日有效的代码 / the codes that hold on a day."""
    day = on or local_date(clock.now())
    found = await code_lists.items(session, code, day, page)
    views = [CodeItemView.model_validate(row) for row in found.items]
    return ListOf(items=views, next_cursor=found.next_cursor)


@router.get("/{code:path}")
async def get(code: CodeInPath, session: Reading, _: CatalogReader) -> CodeListWithEditions:
    """一个代码集及其各版 / one code list with its editions."""
    row = await code_lists.get(session, code)
    editions = await code_lists.editions(session, code)
    views = [EditionView.model_validate(edition) for edition in editions]
    shown = row.model_dump(include=set(CodeListView.model_fields))
    return CodeListWithEditions(**shown, editions=views)
