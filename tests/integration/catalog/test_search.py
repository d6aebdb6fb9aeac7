"""Finding resources, on the real database."""

from collections.abc import Callable, Collection
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from auth.principal import Principal
from catalog import lifecycle, search
from catalog.entries import ShareType
from catalog.search import Criteria, Found
from catalog.states import State
from catalog.store import search as store
from catalog.store.search import IN_ORDER, ROW_BY_ROW, counting
from kernel.database import Database
from kernel.paging import PageRequest, encode
from tests.support.catalog import NOW, Bureau, caller, item, open_bureau

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
        legal_basis="《统计法》第九条",
    )
    return opened


async def find(bureau: Bureau, page: PageRequest = ALL, **criteria: str) -> Found:
    wanted = Criteria(**{"element": bureau.lent, **criteria})  # type: ignore[arg-type]
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
        ("ＨＥＩＧＨＴ", {"Student Register"}),
        ("ｓt", {"Student Register"}),
        ("(厘", {"Student Register"}),
        ("人", {"人口基本信息"}),
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
        ({"region_code": "450000"}, {"人口基本信息", "婚姻登记信息", "Student Register"}),
        ({"region_code": "450100"}, set()),
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
    assert found.facets.complete
    assert found.facets.counts == {
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
        assert cursor is None or found.facets.counts == {}
        seen += [shown.resource.id for shown in found.page.items]
        cursor = found.page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 3


async def test_who_asks_for_superseded_versions_sees_the_newest_of_each(bureau: Bureau) -> None:
    """`status=superseded` found nothing: no viewer is shown such a version otherwise (G12)."""
    one = await bureau.published(name="旧称登记", class_code="107001")
    for _time in range(2):
        async with bureau.database.transaction() as session:
            await lifecycle.revise(session, bureau.one.clerk, one.resource.id, now=NOW)
        await bureau.put_in_force(one.resource.id)
    wanted = Criteria(element=bureau.lent, status=State.SUPERSEDED)
    async with bureau.database.reading() as session:
        for viewer in (bureau.one.clerk, bureau.two.clerk):
            found = await search.find(session, viewer, wanted, ALL)
            [shown] = found.page.items
            assert (shown.resource.id, shown.version.number) == (one.resource.id, 2)


async def test_what_is_many_is_paged_in_order_and_what_is_counted_is_bounded(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few are put in order after they were found, many are read in order: the same pages."""
    few = await find(bureau, PageRequest(2), class_code="101")
    monkeypatch.setattr(store, "COUNTED_MAX", 1)
    many = await find(bureau, PageRequest(2), class_code="101")
    ids = [[shown.resource.id for shown in found.page.items] for found in (few, many)]
    assert ids[0] == ids[1] == sorted(ids[0])
    assert few.facets.complete
    assert not many.facets.complete
    assert sum(many.facets.counts["status"].values()) == 1
    [first] = (await find(bureau, PageRequest(1), class_code="101")).page.items
    rest = await find(bureau, PageRequest(1, encode(first.resource.id)), class_code="101")
    assert [shown.resource.id for shown in rest.page.items] == ids[0][1:]


async def _plan(
    database: Database,
    statement: Callable[[Principal, Criteria, PageRequest], Any],
    ways: Collection[str],
    **criteria: str,
) -> str:
    """Return how PostgreSQL answers where some ways are no choice."""
    query = statement(caller(), Criteria(**criteria), ALL)  # type: ignore[arg-type]
    written = query.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    async with database.reading() as session:
        for way in ways:
            await session.execute(text(f"SET LOCAL enable_{way} = off"))
        rows = await session.execute(text("EXPLAIN " + str(written).replace(":", r"\:")))
        return "\n".join(rows.scalars())


@pytest.mark.parametrize(
    ("criteria", "columns"),
    [
        ({"q": "人口"}, ["search_grams"]),
        ({"q": "常住人口 登记"}, ["search_grams"]),
        ({"region_code": "450100"}, ["search_scopes"]),
        ({"class_code": "101"}, ["search_scopes"]),
        # A word within a division compared what two indexes of two tables had found: 0.5 s.
        ({"q": "人口", "region_code": "450100"}, ["search_grams", "search_scopes"]),
        ({"q": "人口", "department": "1" * 18}, ["search_grams", "search_scopes"]),
    ],
)
async def test_words_divisions_and_classes_are_found_by_one_index(
    database: Database, criteria: dict[str, str], columns: list[str]
) -> None:
    """Words of two characters had none, nor had what lies below a region (G12)."""
    ways = (*ROW_BY_ROW.split(), "indexscan")
    plan = await _plan(database, store.matching, ways, **criteria)
    found_by, *_ = [line for line in plan.splitlines() if "Cond: " in line and "search_" in line]
    assert "resource_version_search" in plan
    assert all(column in found_by for column in columns)


async def test_what_is_counted_is_found_row_by_row_and_what_is_many_in_order(
    database: Database,
) -> None:
    """Counting read every match before it joined, and pages sorted them: 0.6 s of 100,000."""
    counted = await _plan(database, store.matching, ROW_BY_ROW.split(), q="人口")
    assert "Nested Loop" in counted
    paged = await _plan(database, store.statement, IN_ORDER.split(), q="人口")
    assert "Sort" not in paged
    assert "resource_pkey" in paged


@pytest.mark.parametrize(
    ("criteria", "index"),
    [
        ({"share_type": "none"}, "resource_version_shared"),
        ({"status": State.DRAFT}, "resource_version_state"),
    ],
)
async def test_a_way_of_sharing_and_a_state_are_found_by_an_index(
    database: Database, criteria: dict[str, Any], index: str
) -> None:
    """To find no entry of a kind took reading all 100,000: a second and more at a high load."""
    ways = [*counting(Criteria(**criteria)).split(), "mergejoin"]
    plan = await _plan(database, store.matching, ways, **criteria)
    assert index in plan


async def test_no_plan_is_kept_for_searches_that_are_planned_in_different_ways(
    bureau: Bureau,
) -> None:
    """Whoever had asked for cities first had the region counted in the way of cities: 16 ms, not 6.

    PostgreSQL keeps a plan of its own after five times, whatever the ways are then.
    """
    kept = text("SELECT count(*), sum(generic_plans) FROM pg_prepared_statements"
                " WHERE statement LIKE 'WITH found AS MATERIALIZED%'")  # fmt: skip
    async with bureau.database.reading() as session:
        for _time in range(8):
            await search.find(session, bureau.one.clerk, Criteria(region_code="450100"), ALL)
        statements, plans = (await session.execute(kept)).one()
    assert statements >= 1
    assert plans == 0


def test_what_nothing_narrows_is_counted_in_the_order_of_entries() -> None:
    """Each of 2,000 versions of a way of sharing looked for its entry: 138 ms instead of 3."""
    for narrowed in ("q", "department", "class_code", "element"):
        some: dict[str, Any] = {narrowed: "1"}
        assert counting(Criteria(**some, share_type="conditional")) == ROW_BY_ROW
    for elsewhere in ("450100", "450103001", "440000"):
        assert counting(Criteria(region_code=elsewhere)) == ROW_BY_ROW
    assert counting(Criteria(share_type="conditional")) == IN_ORDER
    assert counting(Criteria(status=State.PUBLISHED)) == IN_ORDER
    # An index named all 100,000 entries of the region before 2,000 of them were counted.
    for whole in ("450000", "450000000000", "100000"):
        assert counting(Criteria(region_code=whole)) == IN_ORDER
