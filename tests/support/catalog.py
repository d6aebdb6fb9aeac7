"""Builders for the catalogue: callers, departments, elements, entries."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from auth.principal import Principal, Role, Scope
from auth.tables import Department
from catalog import elements, lifecycle, resources, sources, standards
from catalog.contracts.model import DataType
from catalog.entries import (
    Entry,
    Item,
    ItemRole,
    OpenType,
    Review,
    Reviews,
    ShareMode,
    ShareType,
    UpdateCycle,
)
from catalog.rules.elements import NewElement
from catalog.standards import NewStandard
from catalog.states import Decision
from catalog.visibility import Shown
from kernel.database import Database, WriteSession
from kernel.ids import new_id

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PROVINCE = "450000"
CITY = "450100"
REVIEW = Review(passed=True, by="保密办", date=date(2026, 2, 1))


def caller(
    department: str = "11450000000000001A",
    *roles: Role,
    region: str = PROVINCE,
    is_authority: bool = False,
) -> Principal:
    return Principal(
        kind="person",
        id=new_id(),
        department=department,
        region_code=region,
        is_authority=is_authority,
        roles=frozenset(roles),
        scopes=frozenset(Scope),
        token_id=new_id(),
        expires_at=2**40,
    )


def item(name: str = "id_number", element: str = "DE001", **changes: Any) -> Item:  # noqa: ANN401 - any field
    usual = Item(
        name=name,
        label=f"信息项 {name}",
        element=element,
        required=True,
        key=False,
        role=ItemRole.REFERENCE,
    )
    return replace(usual, **changes)


def entry(*items: Item, **changes: Any) -> Entry:  # noqa: ANN401 - any field
    usual = Entry(
        name="人口基本信息",
        abstract="常住人口的基本信息",
        class_code="101001",
        region_code=PROVINCE,
        format=3,
        update_cycle=UpdateCycle.DAILY,
        share_type=ShareType.UNCONDITIONAL,
        share_modes=(ShareMode.PULL, ShareMode.QUERY),
        open_type=OpenType.CLOSED,
        grade=3,
        items=items or (item(key=True),),
        reviews=Reviews(secrecy=REVIEW, privacy=REVIEW),
    )
    return replace(usual, **changes)


@dataclass(frozen=True)
class Office:
    """A department with one person of each role that the catalogue knows."""

    uscc: str
    region: str
    clerk: Principal
    head: Principal


@dataclass(frozen=True)
class Bureau:
    """Two departments, the authority over both, an element, and what a test needs of time.

    `element` has no source; the authority's own department is that of `lent`.
    """

    database: Database
    one: Office
    two: Office
    authority: Principal
    standard: str
    element: str
    lent: str

    async def draft(self, *items: Item, office: Office | None = None, **changes: Any) -> Shown:  # noqa: ANN401 - any field
        new = entry(*(items or (self.key(),)), **changes)
        async with self.database.transaction() as session:
            return await resources.create(session, (office or self.one).clerk, new, now=NOW)

    def key(self, **changes: Any) -> Item:  # noqa: ANN401 - any field
        is_source = changes.get("role") is ItemRole.SOURCE
        return item(element=self.element if is_source else self.lent, key=True, **changes)

    async def published(self, *items: Item, **changes: Any) -> Shown:  # noqa: ANN401 - any field
        drafted = await self.draft(*items, **changes)
        return await self.put_in_force(drafted.resource.id)

    async def put_in_force(self, resource_id: str) -> Shown:
        await self.submit(resource_id)
        async with self.database.transaction() as session:
            await lifecycle.approve(session, self.authority, resource_id, now=NOW)
        async with self.database.transaction() as session:
            return await lifecycle.publish(session, self.authority, resource_id, now=NOW)

    async def submit(self, resource_id: str) -> Shown:
        async with self.database.transaction() as session:
            return await lifecycle.submit(
                session,
                self.one.head,
                resource_id,
                leader_name="韦某",
                signed_on=NOW.date(),
                now=NOW,
            )

    async def claim(self, office: Office, region: str = PROVINCE, element: str = "") -> str:
        async with self.database.transaction() as session:
            claimed = await sources.claim(
                session,
                office.head,
                element or self.element,
                region_code=region,
                legal_basis="桂政发〔2016〕59号",
                now=NOW,
            )
            return claimed.id

    async def decide(self, source_id: str, decision: Decision) -> str:
        async with self.database.transaction() as session:
            source = await sources.decide(session, self.authority, source_id, decision, now=NOW)
            return source.status

    async def new_element(self, **constraints: Any) -> str:  # noqa: ANN401 - any field
        """Register an element that everybody may refer to."""
        element = await self.element_without_source(**constraints)
        async with self.database.transaction() as session:
            await lend(session, self.authority, element)
        return element

    async def element_without_source(self, **constraints: Any) -> str:  # noqa: ANN401 - any field
        async with self.database.transaction() as session:
            return await add_element(session, self.authority, self.standard, constraints)


async def add_office(session: WriteSession, region: str = PROVINCE) -> Office:
    uscc = new_id()[:18].upper()
    session.add(Department(uscc=uscc, name=f"部门 {uscc}", region_code=region, created_at=NOW))
    await session.flush()
    clerk = caller(uscc, Role.CLERK, region=region)
    return Office(uscc, region, clerk, caller(uscc, Role.HEAD, region=region))


async def add_element(
    session: WriteSession, authority: Principal, standard: str, constraints: Mapping[str, Any]
) -> str:
    new = NewElement(
        code=f"DE{new_id()}",
        name="公民身份号码",
        definition="赋予公民的唯一的、终身不变的法定号码",
        standard=standard,
        sensitivity=3,
        personal=False,
        **{"data_type": DataType.STRING, **constraints},
    )
    return (await elements.register(session, authority, new, now=NOW)).code


async def lend(session: WriteSession, authority: Principal, element: str) -> None:
    """Make the authority's department the source of the element."""
    head = caller(authority.department, Role.HEAD)
    facts: dict[str, Any] = {"region_code": PROVINCE, "legal_basis": "桂政发〔2016〕59号"}
    claimed = await sources.claim(session, head, element, **facts, now=NOW)
    await sources.decide(session, authority, claimed.id, Decision.DESIGNATE, now=NOW)


async def open_bureau(
    database: Database, regions: Collection[str] = (PROVINCE, PROVINCE)
) -> Bureau:
    async with database.transaction() as session:
        one, two = [await add_office(session, region) for region in regions]
        seat = await add_office(session)
        authority = caller(seat.uscc, Role.AUTHORITY, is_authority=True)
        new = NewStandard(code=f"GB {new_id()}", title="公民身份号码")
        standard = await standards.register(session, authority, new, now=NOW)
        element, lent = [
            await add_element(session, authority, standard.code, {"max_length": 18})
            for _ in range(2)
        ]
        await lend(session, authority, lent)
    return Bureau(database, one, two, authority, standard.code, element, lent)
