"""What ships of the national standards satisfies the rules that editions are held to."""

from datetime import date

import pytest

from catalog.national import divisions, files
from catalog.national.files import NationalEdition
from catalog.rules.code_lists import edition_errors
from catalog.rules.code_maps import EditionValue, MapKind, pairs
from kernel.turns import finished

EVERY = [*files.editions(), *divisions.editions()]


def values(code: str) -> dict[str, str]:
    found = next(each for each in EVERY if each.code_list == code)
    return {item.value: item.name for item in found.items}


@pytest.mark.parametrize("edition", EVERY, ids=lambda each: f"{each.code_list} {each.edition}")
def test_each_edition_is_one_that_could_be_registered(edition: NationalEdition) -> None:
    assert edition.items
    assert finished(edition_errors(edition.items)) == []
    assert edition.standard in {each.code for each in files.standards()}


def test_editions_of_a_list_follow_each_other() -> None:
    for code in {each.code_list for each in EVERY}:
        days = [each.effective_from for each in EVERY if each.code_list == code]
        assert days == sorted(set(days))


def test_the_lists_are_those_of_the_standards() -> None:
    assert values("GB/T 2261.1") == {
        "0": "未知的性别", "1": "男性", "2": "女性", "9": "未说明的性别"
    }  # fmt: skip
    nations = values("GB/T 3304")
    assert len(nations) == 58
    assert [nations[code] for code in ("01", "08", "13", "28", "49", "56")] == [
        "汉族", "壮族", "瑶族", "景颇族", "京族", "基诺族",
    ]  # fmt: skip
    assert len(values("政务信息资源格式")) == 7


def test_a_county_that_became_a_city_is_mapped_to_it() -> None:
    by_year = {each.effective_from: each for each in divisions.editions()}
    before = by_year[max(day for day in by_year if day < date(2021, 1, 1))]
    listed = [_listed(before), _listed(by_year[date(2021, 1, 1)])]
    found = {pair.source: pair for pair in finished(pairs(listed))}
    assert (found["450127"].targets, found["450127"].kind) == (("450181",), MapKind.RENAMED)
    assert found["450102"].kind is MapKind.SAME


def test_the_newest_edition_is_todays() -> None:
    newest = _listed(divisions.editions()[-1])
    in_force = [each for each in newest.values() if not each.ended]
    assert len(in_force) == 126
    assert newest["450181"].name == "横州市"


def _listed(edition: NationalEdition) -> dict[str, EditionValue]:
    return {
        item.value: EditionValue(
            item.value, item.name, item.effective_to is not None, item.successors
        )
        for item in edition.items
    }
