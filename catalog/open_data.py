"""What anybody may see of the catalogue: entries that are open at this moment.

An entry is open while it is published as open, of grade 1, and shows no personal item unmasked
(公共数据开放). That is asked at every reading: what an entry declared once does not count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from auth import directory
from catalog.store import elements
from catalog.store import open_data as store
from catalog.store.open_data import Row
from catalog.tables import Element
from kernel.database import ReadSession
from kernel.errors import NotFound
from kernel.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class OpenItem:
    name: str
    label: str
    element: str
    element_name: str
    data_type: str
    definition: str


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """An open entry; `first_published_at` is the day its first version could be read."""

    id: str
    version: int
    name: str
    abstract: str
    class_code: str
    region_code: str
    department: str
    department_name: str
    update_cycle: str
    created_at: datetime
    published_at: datetime
    items: tuple[OpenItem, ...]


@dataclass(frozen=True, slots=True)
class OpenPage:
    """A numbered page, from 1, and how many entries there are on all of them."""

    number: int
    entries: tuple[OpenEntry, ...]
    total: int


async def find(session: ReadSession, page: PageRequest) -> Page[OpenEntry]:
    rows = await store.find(session, after=page.after, skip=0, limit=page.limit + 1)
    entries = await _entries(session, rows[: page.limit])
    cut = page.page([resource for resource, _ in rows], "id")
    return Page(entries, cut.next_cursor)


async def numbered(session: ReadSession, number: int, size: int) -> OpenPage:
    """Return one page; raises NotFound behind the last one. The first page may be empty."""
    total = await store.count(session)
    skip = (number - 1) * size
    if number > 1 and skip >= total:
        raise NotFound
    rows = await store.find(session, after=None, skip=skip, limit=size)
    return OpenPage(number, tuple(await _entries(session, rows)), total)


async def get(session: ReadSession, resource_id: str) -> OpenEntry:
    """Return the entry; raises NotFound for one that is not open, whatever else it is."""
    row = await store.get(session, resource_id)
    if row is None:
        raise NotFound
    return (await _entries(session, [row]))[0]


async def _entries(session: ReadSession, rows: Sequence[Row]) -> list[OpenEntry]:
    departments = {resource.department for resource, _ in rows}
    names = await directory.departments(session, sorted(departments))
    codes = {item["element"] for _, version in rows for item in version.items}
    known = await elements.by_code(session, codes)
    return [_entry(row, names, known) for row in rows]


def _entry(row: Row, names: Mapping[str, str], elements: Mapping[str, Element]) -> OpenEntry:
    resource, version = row
    assert version.published_at is not None, "a published version has a day"  # noqa: S101
    return OpenEntry(
        id=resource.id,
        version=version.number,
        name=version.name,
        abstract=version.abstract,
        class_code=version.class_code,
        region_code=resource.region_code,
        department=resource.department,
        department_name=names[resource.department],
        update_cycle=version.update_cycle,
        created_at=resource.created_at,
        published_at=version.published_at,
        items=tuple(_item(item, elements[item["element"]]) for item in version.items),
    )


def _item(item: Mapping[str, str], element: Element) -> OpenItem:
    return OpenItem(
        name=item["name"],
        label=item["label"],
        element=element.code,
        element_name=element.name,
        data_type=element.data_type,
        definition=element.definition,
    )
