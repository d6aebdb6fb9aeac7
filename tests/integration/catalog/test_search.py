"""Finding resources, on the real database."""

import pytest
from sqlalchemy import text

from catalog import search
from catalog.entries import ShareType
from catalog.search import Criteria, Found
from kernel.database import Database
from kernel.paging import PageRequest
from tests.support.catalog import Bureau, item, open_bureau

ALL = PageRequest(200)


@pytest.fixture(scope="module")
async def bureau(database: Database) -> Bureau:
    """Three resources of one department, found by their element among all others."""
    opened = await open_bureau(database)
    height = await opened.new_element()
    await opened.published(name="人口基本信息", abstract="常住人口", class_code="101001")
    await opened.published(name="婚姻登记信息", abstract="100%_登记", class_code="101002")
    await opened.draft(
        opened.key(),
        item("height", height, label="身高(厘米)"),
        name="Student Register",
        abstract="学籍",
        class_code="306",
        share_type=ShareType.NONE,
        legal_basis="法",
    )
    return opened


async def find(bureau: Bureau, page: PageRequest = ALL, **criteria: str) -> Found:
    wanted = Criteria(**{"element": bureau.element, **criteria})  # type: ignore[arg-type]
    async with bureau.database.reading() as session:
        return await search.find(session, bureau.one.clerk, wanted, page)


async def names(bureau: Bureau, **criteria: str) -> set[str]:
    found = await find(bureau, ALL, **criteria)
    return {shown.version.name for shown in found.page.items}


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("人口", {"人口基本信息"}),
        ("口基本", {"人口基本信息"}),
        ("登记", {"婚姻登记信息"}),
        ("婚姻 登记", {"婚姻登记信息"}),
        ("人口 登记", set()),
        ("student", {"Student Register"}),
        ("身高(厘", {"Student Register"}),
        ("HEIGHT", {"Student Register"}),
        ("%", {"婚姻登记信息"}),
        ("_登", {"婚姻登记信息"}),
        ("\\", set()),
        ("' OR 1=1 --", set()),
    ],
)
async def test_words_are_found_wherever_they_stand(
    bureau: Bureau, q: str, expected: set[str]
) -> None:
    assert await names(bureau, q=q) == expected


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"class_code": "101"}, {"人口基本信息", "婚姻登记信息"}),
        ({"class_code": "101001"}, {"人口基本信息"}),
        ({"share_type": "none"}, {"Student Register"}),
        ({"status": "draft"}, {"Student Register"}),
        ({"status": "retired"}, set()),
        ({"department": "nobody"}, set()),
        ({"element": "nothing"}, set()),
    ],
)
async def test_filters_narrow(bureau: Bureau, criteria: dict[str, str], expected: set[str]) -> None:
    assert await names(bureau, **criteria) == expected


async def test_facets_count_all_that_is_found(bureau: Bureau) -> None:
    found = await find(bureau, PageRequest(1))
    assert len(found.page.items) == 1
    assert found.facets == {
        "department": {bureau.one.uscc: 3},
        "class": {"101001": 1, "101002": 1, "306": 1},
        "share_type": {"unconditional": 2, "none": 1},
        "status": {"published": 2, "draft": 1},
    }


async def test_pages_follow_each_other_without_gap_or_repetition(bureau: Bureau) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        found = await find(bureau, PageRequest(1, cursor))
        seen += [shown.resource.id for shown in found.page.items]
        cursor = found.page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 3


async def test_chinese_trigrams_have_an_index_that_can_be_used(database: Database) -> None:
    """Where the server lacks pg_trgm, or takes Chinese for no letters, search is a plain scan."""
    async with database.reading() as session:
        trigrams = await session.scalar(text("SELECT show_trgm('人口信息')"))
        query = "SELECT count(*) FROM pg_indexes WHERE indexname = 'resource_version_search'"
        assert await session.scalar(text(query)) == 1
    assert len(trigrams) > 1
