"""The region's records: the same in each run, about people who cannot exist, right by contract."""

from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from auth.regions import checking as divisions
from deploy.region import checking
from deploy.region.records.cast import NO_DIVISION, TODAY, Cast
from deploy.region.records.making import Record, records
from deploy.region.region import Region
from kernel.identifiers import resident_id, uscc


@cache
def whole() -> Region:
    return checking.region()


@cache
def cast() -> Cast:
    return Cast(whole().files)


@cache
def made(system: str) -> Sequence[Record]:
    return [*records(whole().resources[system], cast())]


def test_the_same_records_are_made_again() -> None:
    again = [*records(whole().resources["court"], Cast(whole().files))]
    assert again == made("court")
    # A fixed sample: another machine, Python or day makes the very same.
    assert made("jinhong")[1] == {
        "number": "JI2026000001", "indicator": "服务业", "division": "451425",
        "period": "2025-02", "value": "17875.95", "unit": "亿元",
    }  # fmt: skip


def test_nobody_can_be_a_real_person() -> None:
    numbers = {each.id for each in cast().people}
    assert len(numbers) == len(cast().people)
    assert [resident_id(number) for number in numbers] == [None] * len(numbers)
    # GB/T 2260 never had a division there, so nobody was ever given such a number.
    assert {number[:4] for number in numbers} == {NO_DIVISION}
    assert divisions.fault(NO_DIVISION + "01") is not None


def test_no_enterprise_can_be_a_real_one() -> None:
    for each in cast().enterprises:
        assert uscc(each.code) is None
        assert each.code[8:11] == "RGN"
        assert "示例" in each.name
        assert each.representative.age(TODAY) >= 25


def test_sex_and_birth_are_those_of_the_number() -> None:
    for each in cast().people[:500]:
        assert each.id[6:14] == f"{each.born_on:%Y%m%d}"
        assert each.sex == ("1" if int(each.id[16]) % 2 else "2")


@pytest.mark.parametrize(
    "system", ["jinbao", "social-insurance", "student-library", "digital-gov-platform", "jindun"]
)
def test_a_person_is_the_same_everywhere(system: str) -> None:
    names = {row["id"]: row["name"] for row in made("population-library")}
    assert all(names[row["id"]] == row["name"] for row in made(system))


@pytest.mark.parametrize("system", ["jinshui-tax", "credit-platform", "double-random"])
def test_an_enterprise_is_the_same_everywhere(system: str) -> None:
    known = {each.code: each.name for each in cast().enterprises}
    assert all(known[row["code"]] == row["name"] for row in made(system))


def test_pupils_are_children_and_the_old_are_old() -> None:
    ages = {each.id: each.age(TODAY) for each in cast().people}
    assert max(ages[row["id"]] for row in made("school-age-library")) <= 15
    assert min(ages[row["id"]] for row in made("elder-health-bigdata")) >= 60


def test_a_city_has_records_of_its_own_area() -> None:
    assert {row["division"][:4] for row in made("city-exchange-guilin")} == {"4503"}


def test_every_resource_has_a_thousand_records_with_keys_of_their_own() -> None:
    region: Mapping[str, int] = {
        name: len(
            {
                tuple(row[item.name] for item in resource.items if item.row.key)
                for row in records(resource, cast())
            }
        )
        for name, resource in whole().resources.items()
        if resource.profile.profile in {"person", "enterprise", "population"}
    }
    assert {name: count for name, count in region.items() if count < 1_000} == {}
