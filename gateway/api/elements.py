"""`/v1/elements`: kinds of datum, each with its one standard (`api.md` section 3)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BeforeValidator, Field, PlainSerializer, StrictBool, StrictInt
from pydantic_core import PydanticCustomError

from auth.principal import Role, Scope
from catalog import elements
from catalog.contracts.model import Checker, DataType
from catalog.rules.elements import CHANGEABLE, NewElement
from gateway.api.registry import Code, CodeInPath, ElementCode, Line, Prose, Words
from gateway.lists import ListOf, Paging, Revision, tag
from gateway.once import Acting, Once, creating
from gateway.principal import CatalogReader, CatalogWriter
from gateway.services import Reading, Writing
from kernel import clock
from kernel.wire import Wire

router = APIRouter(prefix="/v1/elements", tags=["elements"])

Creating = Annotated[Once, Depends(creating(Scope.CATALOG_WRITE, Role.AUTHORITY))]

LENGTH_MAX = 1_000_000
DIGITS_MAX = 38
EXAMPLES_MAX = 10


def _exact(value: Decimal) -> int | float | str:
    """A number where a reader's double holds it, else its digits as text."""
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else f"{value:f}"


def _not_rounded(value: object) -> object:
    """A JSON number with more digits than a double holds has lost some before it is seen here."""
    if isinstance(value, float) and len(Decimal(repr(value)).as_tuple().digits) > DOUBLE_DIGITS:
        raise PydanticCustomError("pattern", "send a bound of many digits as text")
    return value


DOUBLE_DIGITS = 15
Bound = Annotated[
    Decimal,
    Field(max_digits=DIGITS_MAX, decimal_places=18),
    BeforeValidator(_not_rounded),
    PlainSerializer(_exact, return_type=int | float | str, when_used="json"),
]
Length = Annotated[StrictInt, Field(ge=0, le=LENGTH_MAX)]
Digits = Annotated[StrictInt, Field(ge=0, le=DIGITS_MAX)]
Sensitivity = Annotated[StrictInt, Field(ge=1, le=4, description="4 最敏感 / most sensitive")]


class ElementIn(Wire):
    """Lengths bind text and codes, bounds numbers, precision and scale decimals."""

    code: ElementCode
    name: Line
    definition: Prose
    data_type: DataType
    min_length: Length | None = None
    max_length: Annotated[StrictInt, Field(ge=1, le=LENGTH_MAX)] | None = None
    pattern: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    minimum: Bound | None = None
    maximum: Bound | None = None
    precision: Annotated[StrictInt, Field(ge=1, le=DIGITS_MAX)] | None = None
    scale: Digits | None = None
    code_list: Code | None = None
    checker: Checker | None = None
    standard: Code
    sensitivity: Sensitivity
    personal: StrictBool

    def element(self) -> NewElement:
        return NewElement(**self.model_dump())


class ElementPatch(Wire):
    """What is left out stays; only name, definition, examples and a higher sensitivity change."""

    name: Line | None = None
    definition: Prose | None = None
    examples: Annotated[list[Line], Field(max_length=EXAMPLES_MAX)] | None = None
    sensitivity: Sensitivity | None = None
    data_type: DataType | None = None
    min_length: Length | None = None
    max_length: Length | None = None
    pattern: str | None = None
    minimum: Bound | None = None
    maximum: Bound | None = None
    precision: Digits | None = None
    scale: Digits | None = None
    code_list: Code | None = None
    checker: Checker | None = None
    standard: Code | None = None
    personal: StrictBool | None = None

    def changes(self) -> dict[str, Any]:
        """Return what was sent; a word that is null stays as it is."""
        sent = self.model_dump(exclude_unset=True)
        return {n: v for n, v in sent.items() if v is not None or n not in CHANGEABLE}


class Retirement(Wire):
    reason: Prose | None = None


class ElementView(Wire):
    code: str
    name: str
    definition: str
    data_type: DataType
    min_length: int | None
    max_length: int | None
    pattern: str | None
    minimum: Bound | None
    maximum: Bound | None
    precision: int | None
    scale: int | None
    code_list: str | None
    checker: Checker | None
    standard: str
    sensitivity: int
    personal: bool
    examples: list[str]
    revision: int
    retired_at: datetime | None
    retire_reason: str | None
    created_at: datetime


@router.post("", status_code=201)
async def register(
    body: ElementIn, once: Creating, session: Writing, principal: CatalogWriter
) -> ElementView:
    """登记数据元 / register an element; by the authority."""
    element = await elements.register(session, principal, body.element(), now=clock.now())
    return await once.keep(ElementView.model_validate(element))


@router.get("")
async def find(
    session: Reading,
    _: CatalogReader,
    page: Paging,
    q: Words = None,
    standard: Annotated[str | None, Query(max_length=64)] = None,
    data_type: DataType | None = None,
) -> ListOf[ElementView]:
    """数据元列表，可检索 / the elements, searched by name or code."""
    found = await elements.find(session, page, q=q, standard=standard, data_type=data_type)
    items = [ElementView.model_validate(row) for row in found.items]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{code}")
async def get(
    code: CodeInPath, session: Reading, _: CatalogReader, response: Response
) -> ElementView:
    """一个数据元 / one element."""
    return _tagged(await elements.get(session, code), response)


@router.patch("/{code}")
async def change(
    code: CodeInPath,
    body: ElementPatch,
    revision: Revision,
    session: Writing,
    principal: CatalogWriter,
    response: Response,
) -> ElementView:
    """更正名称、定义、示例，或提高敏感级别 / correct its words, or raise its sensitivity."""
    element = await elements.change(session, principal, code, body.changes(), revision=revision)
    return _tagged(element, response)


@router.post("/{code}/retire")
async def retire(
    code: CodeInPath,
    session: Writing,
    principal: CatalogWriter,
    once: Acting,
    response: Response,
    body: Retirement | None = None,
) -> ElementView:
    """停用：不能新绑定，已有目录不变 / let nothing new be bound to it."""
    reason = None if body is None else body.reason
    element = await elements.retire(session, principal, code, reason=reason, now=clock.now())
    return await once.keep(_tagged(element, response))


def _tagged(element: object, response: Response) -> ElementView:
    view = ElementView.model_validate(element)
    tag(response, view.revision)
    return view
