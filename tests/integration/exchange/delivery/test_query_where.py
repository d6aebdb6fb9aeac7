"""Queries over searchable items: found exactly, paged stably, nothing told of hidden rows (P3)."""

from typing import Any

import httpx
import pytest

from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.world import Sharing, World

Json = dict[str, Any]
ITEMS: tuple[Json, ...] = (
    {"name": "id", "key": True},
    {"name": "name", "searchable": True, "mask": {"kind": "full"}},
    {"name": "town", "searchable": True},
    {"name": "amount", "data_type": "decimal", "precision": 12, "scale": 2, "searchable": True},
    {"name": "born", "data_type": "date", "searchable": True},
    {"name": "note"},
)
COUNT = 40


def record(number: int) -> Json:
    return {
        "id": f"k{number:02d}",
        "name": f"韦{number}",
        "town": ("南宁", "柳州", "桂林", "hidden")[number % 4],
        "amount": f"{number}.50",
        "born": f"19{50 + number}-01-01",
    }


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    """Rows of `hidden` are not shown; the name is masked."""
    visible = [{"item": "town", "op": "ne", "value": "hidden"}]
    shared = await world.sharing(ITEMS, mode="query", partitions=2, row_filter=visible)
    await shared.publisher.publish(shared.resource, [record(n) for n in range(COUNT)])

    async def is_indexed() -> bool:
        answer = await ask(shared, where=[{"item": "amount", "op": "ge", "value": "0"}])
        return answer.status_code == 200 and len(answer.json()["items"]) == COUNT * 3 // 4

    await eventually(is_indexed)
    return shared


async def ask(sharing: Sharing, **body: Any) -> httpx.Response:  # noqa: ANN401
    return await sharing.subscriber.post(f"/v1/subscriptions/{sharing.subscription}/query", body)


async def found(sharing: Sharing, *conditions: tuple[str, str, Any], limit: int = 100) -> list[int]:
    """Return the numbers of the records on all pages."""
    where = [{"item": item, "op": op, "value": value} for item, op, value in conditions]
    numbers: list[int] = []
    cursor: str | None = None
    while True:
        answer = await ask(sharing, where=where, limit=limit, cursor=cursor)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert all(item["data"]["name"] == "***" for item in told["items"])
        numbers += [int(item["key"][1:]) for item in told["items"]]
        cursor = told["next_cursor"]
        if cursor is None:
            assert len(numbers) == len(set(numbers))
            return sorted(numbers)
        assert told["items"]


SHOWN = [n for n in range(COUNT) if n % 4 != 3]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([("town", "eq", "柳州")], [n for n in SHOWN if n % 4 == 1]),
        ([("town", "in", ["柳州", "桂林", "hidden"])], [n for n in SHOWN if n % 4 in (1, 2)]),
        ([("town", "prefix", "桂")], [n for n in SHOWN if n % 4 == 2]),
        ([("town", "ne", "桂林")], [n for n in SHOWN if n % 4 != 2]),
        ([("amount", "gt", "9.50")], [n for n in SHOWN if n > 9]),
        ([("amount", "le", 10.5)], [n for n in SHOWN if n <= 10]),
        ([("amount", "eq", "12.500")], [12]),
        ([("born", "ge", "1960-01-01"), ("born", "lt", "1966-01-01")], [10, 12, 13, 14]),
        ([("id", "eq", "k05")], [5]),
        ([("id", "eq", "k03")], []),
        ([("id", "prefix", "k1"), ("town", "eq", "南宁")], [12, 16]),
        ([("town", "eq", "hidden")], []),
        ([], SHOWN),
    ],
    ids=str,
)
async def test_what_passes_is_found_on_pages_of_any_size(
    sharing: Sharing, conditions: list[tuple[str, str, Any]], expected: list[int]
) -> None:
    for limit in (100, 3):
        assert await found(sharing, *conditions, limit=limit) == expected


async def test_only_what_is_granted_unmasked_and_searchable_may_be_asked_for(
    sharing: Sharing,
) -> None:
    for item, code in (
        ("name", "filter_not_granted"),
        ("note", "filter_not_granted"),
        ("nothing", "unknown_item"),
    ):
        where = [{"item": item, "op": "eq", "value": "x"}]
        told = problem(await ask(sharing, where=where), 422, "validation_failed")
        assert [(each["path"], each["code"]) for each in told["errors"]] == [
            ("where[0].item", code)
        ]
    where = [{"item": "amount", "op": "prefix", "value": "1"}]
    problem(await ask(sharing, where=where), 422, "validation_failed")
    first = (await ask(sharing, where=[], limit=1)).json()
    other = [{"item": "town", "op": "eq", "value": "南宁"}]
    answer = await ask(sharing, where=other, cursor=first["next_cursor"])
    problem(answer, 400, "invalid_cursor")
    problem(await ask(sharing, where=[], limit=1001), 422, "validation_failed")
    problem(await ask(sharing, where=[], cursor="x"), 400, "invalid_cursor")


async def test_the_index_follows_what_changes_and_pages_keep_what_stays(world: World) -> None:
    shared = await world.sharing(ITEMS, mode="query")
    await shared.publisher.publish(shared.resource, [record(n) for n in range(12)])

    async def count(expected: int) -> None:
        async def is_so() -> bool:
            answer = await ask(shared, where=[{"item": "town", "op": "eq", "value": "南宁"}])
            return answer.status_code == 200 and len(answer.json()["items"]) == expected

        await eventually(is_so)

    await count(3)
    where = [{"item": "town", "op": "eq", "value": "南宁"}]
    page = (await ask(shared, where=where, limit=1)).json()
    moved = [{**record(0), "town": "柳州"}, {**record(1), "town": "南宁"}]
    await shared.publisher.publish(shared.resource, moved)
    await shared.publisher.publish(shared.resource, [{"id": "k04"}], op="delete")
    await count(2)
    seen = [item["key"] for item in page["items"]]
    while page["next_cursor"]:
        page = (await ask(shared, where=where, limit=1, cursor=page["next_cursor"])).json()
        seen += [item["key"] for item in page["items"]]
    assert seen.count("k08") == 1
