"""Standards, code lists and elements, on the real database."""

import asyncio
from datetime import date
from decimal import Decimal

import pytest

from auth.errors import NotYourDepartment, RoleRequired
from auth.principal import Role
from catalog import code_lists, elements, standards, versions
from catalog.code_lists import NewCodeList, NewEdition
from catalog.contracts.model import DataType
from catalog.errors import AlreadyRegistered
from catalog.rules.code_lists import NewCode
from catalog.standards import NewStandard
from kernel.database import Database
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from kernel.paging import PageRequest
from tests.support.catalog import NOW, Bureau, add_element, caller, item, open_bureau

RENAMED = date(2021, 2, 3)


@pytest.fixture(scope="module")
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database)


async def list_of_divisions(bureau: Bureau) -> str:
    """横县 450127 became 横州市 450181 in 2021."""
    code = f"GB/T 2260-{new_id()}"
    new = NewCodeList(code=code, name="行政区划", standard=bureau.standard)
    old = NewCode(
        value="450127", name="横县", effective_to=date(2021, 2, 2), successors=("450181",)
    )
    items = (old, NewCode(value="450181", name="横州市", effective_from=RENAMED))
    async with bureau.database.transaction() as session:
        await code_lists.register(session, bureau.authority, new, now=NOW)
        edition = NewEdition(edition="2020", effective_from=date(2020, 1, 1), items=items)
        await code_lists.add_edition(session, bureau.authority, code, edition, now=NOW)
        later = NewEdition(edition="2024", effective_from=date(2024, 1, 1), items=items[1:])
        await code_lists.add_edition(session, bureau.authority, code, later, now=NOW)
    return code


@pytest.mark.parametrize(
    ("on", "values"),
    [
        (date(2019, 12, 31), []),
        (date(2020, 1, 1), ["450127"]),
        (date(2021, 2, 2), ["450127"]),
        (RENAMED, ["450181"]),
        (date(2026, 1, 1), ["450181"]),
    ],
)
async def test_a_list_has_the_values_of_the_day(
    bureau: Bureau, on: date, values: list[str]
) -> None:
    code = await list_of_divisions(bureau)
    async with bureau.database.reading() as session:
        page = await code_lists.items(session, code, on, PageRequest(200))
    assert [found.value for found in page.items] == values


async def test_the_contract_holds_the_codes_in_force_when_it_was_published(
    bureau: Bureau,
) -> None:
    code_list = await list_of_divisions(bureau)
    element = await bureau.new_element(data_type=DataType.CODE, code_list=code_list)
    shown = await bureau.published(bureau.key(), item("division", element, required=False))
    next_edition = NewEdition(
        edition="2025",
        effective_from=date(2025, 1, 1),
        items=(NewCode(value="450182", name="新"),),
    )
    async with bureau.database.transaction() as session:
        await code_lists.add_edition(session, bureau.authority, code_list, next_edition, now=NOW)
    async with bureau.database.reading() as session:
        contract = (await versions.contract_of(session, shown.resource.id)).contract
    assert contract.fields[1].values == ("450181",)


async def test_an_entry_whose_codes_are_not_in_force_yet_is_not_submitted(bureau: Bureau) -> None:
    code = f"CL{new_id()}"
    new = NewCodeList(code=code, name="空", standard=bureau.standard)
    async with bureau.database.transaction() as session:
        await code_lists.register(session, bureau.authority, new, now=NOW)
    element = await bureau.new_element(data_type=DataType.CODE, code_list=code)
    drafted = await bureau.draft(bureau.key(), item("sex", element))
    with pytest.raises(Invalid) as refusal:
        await bureau.submit(drafted.resource.id)
    found = [(error.path, error.code) for error in refusal.value.errors]
    assert found == [("items[1].element", "no_codes_in_force")]


async def test_an_edition_comes_once(bureau: Bureau) -> None:
    code = await list_of_divisions(bureau)
    for edition, day in (("2024", date(2030, 1, 1)), ("2030", date(2024, 1, 1))):
        again = NewEdition(
            edition=edition, effective_from=day, items=(NewCode(value="1", name="一"),)
        )
        with pytest.raises(AlreadyRegistered):
            async with bureau.database.transaction() as session:
                await code_lists.add_edition(session, bureau.authority, code, again, now=NOW)


async def test_a_long_edition_is_stored_whole(bureau: Bureau) -> None:
    code = f"CL{new_id()}"
    new = NewCodeList(code=code, name="长", standard=bureau.standard)
    items = tuple(NewCode(value=f"{n:06}", name=f"{n}") for n in range(9000))
    edition = NewEdition(edition="1", effective_from=date(2020, 1, 1), items=items)
    async with bureau.database.transaction() as session:
        await code_lists.register(session, bureau.authority, new, now=NOW)
        await code_lists.add_edition(session, bureau.authority, code, edition, now=NOW)
    element = await bureau.new_element(data_type=DataType.CODE, code_list=code)
    shown = await bureau.published(item("code", element, key=True))
    async with bureau.database.reading() as session:
        contract = (await versions.contract_of(session, shown.resource.id)).contract
    assert len(contract.fields[0].values or ()) == 9000


async def test_only_the_authority_registers(bureau: Bureau) -> None:
    new = NewStandard(code=f"GB {new_id()}", title="标准")
    impostor = caller(bureau.one.uscc, Role.AUTHORITY)
    async with bureau.database.transaction() as session:
        with pytest.raises(RoleRequired):
            await standards.register(session, bureau.one.head, new, now=NOW)
        with pytest.raises(NotYourDepartment):
            await standards.register(session, impostor, new, now=NOW)


async def test_of_ten_registrations_of_one_code_at_once_one_is_taken(bureau: Bureau) -> None:
    new = NewStandard(code=f"GB {new_id()}", title="标准")

    async def register() -> None:
        async with bureau.database.transaction() as session:
            await standards.register(session, bureau.authority, new, now=NOW)

    done = await asyncio.gather(*(register() for _ in range(10)), return_exceptions=True)
    assert done.count(None) == 1
    assert sum(isinstance(outcome, AlreadyRegistered) for outcome in done) == 9


async def test_an_element_names_what_is_not_registered_and_what_cannot_be_read(
    bureau: Bureau,
) -> None:
    with pytest.raises(Invalid) as refusal:
        async with bureau.database.transaction() as session:
            await add_element(
                session,
                bureau.authority,
                "GB 404",
                {"pattern": "(a+)+b", "min_length": 3, "max_length": 1},
            )
    assert {error.path for error in refusal.value.errors} == {"standard", "pattern", "min_length"}


async def test_an_element_comes_back_as_it_was_registered(bureau: Bureau) -> None:
    bounds = {"precision": 20, "scale": 2, "minimum": Decimal("-0.01")}
    code = await bureau.new_element(data_type=DataType.DECIMAL, **bounds)
    async with bureau.database.reading() as session:
        element = await elements.get(session, code)
        assert {name: getattr(element, name) for name in bounds} == bounds
        assert element.code == code
        with pytest.raises(NotFound):
            await elements.get(session, "DE404")


async def test_elements_and_standards_are_found_by_words(bureau: Bureau) -> None:
    async with bureau.database.reading() as session:
        found = await elements.find(
            session, PageRequest(200), q="身份 号码", standard=bureau.standard
        )
        assert bureau.element in {element.code for element in found.items}
        none = await elements.find(session, PageRequest(200), q="%", standard=bureau.standard)
        assert none.items == []
        listed = await standards.find(session, bureau.standard[3:], PageRequest(200))
        assert [standard.code for standard in listed.items] == [bureau.standard]
