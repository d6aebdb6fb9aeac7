"""The region's records: the same in each run, about people who cannot exist, right by contract."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations

import pytest

from auth.regions import checking as divisions
from auth.regions.codes import REGION, STATE
from deploy.region import checking
from deploy.region.building.records import granted
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
        "number": "JI45002026000001", "indicator": "固定资产投资", "division": "450304",
        "period": "2025-01", "value": "93648.03", "unit": "亿元",
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


def subjects(system: str, value: str) -> set[str]:
    """Whom the records of a resource are about, by the item with this generator; else nobody."""
    resource = whole().resources[system]
    items = [item.name for item in resource.items if item.row.value == value]
    return {row[name] for name in items for row in made(system)}


def about(value: str) -> list[str]:
    """The resources of the region and the state whose records are about such subjects."""
    return [
        name
        for name, resource in whole().resources.items()
        if resource.department.region_code in {REGION, STATE} and subjects(name, value)
    ]


def test_a_person_is_the_same_everywhere() -> None:
    """Compared with the library, as a verification does: not with whoever made both."""
    known = {row["id"]: row["name"] for row in made("population-library")}
    wrong = {
        name
        for name in about("person.id")
        for row in made(name)
        if known.get(row["id"]) != row.get("name", known.get(row["id"]))
    }
    assert wrong == set()


@pytest.mark.parametrize("library", ["legal-entity-library", "national-legal-library"])
def test_an_enterprise_of_any_resource_is_registered(library: str) -> None:
    """The register held half of them: of a thousand in the tax register 376 were found in it."""
    known = {row["code"]: (row["name"], row["division"]) for row in made(library)}
    wrong = {
        name
        for name in about("enterprise.code")
        for row in made(name)
        if known.get(row["code"]) != (row["name"], row["division"])
    }
    assert wrong == set()


@pytest.mark.parametrize("value", ["person.id", "enterprise.code"])
def test_two_resources_share_hundreds_of_their_subjects(value: str) -> None:
    """Each began anywhere in the list: the police's and the insurance's thousands shared nobody."""
    everybody = [name for name in about(value) if whole().resources[name].rule.ages is None]
    pairs = [*combinations([subjects(name, value) for name in everybody], 2)]
    assert len(pairs) > 900
    assert min(len(one & other) for one, other in pairs) > 500


@pytest.mark.parametrize(
    ("one", "other", "least"),
    [
        ("jindun", "jinbao", 500),
        ("jindun", "med-insurance-cert", 500),
        ("jinbao", "med-insurance-cert", 500),
        ("jindun", "social-insurance", 200),
        ("med-insurance-cert", "social-insurance", 200),
        # Who has begun to draw and still pays in: those of 55 to 60.
        ("jinbao", "social-insurance", 100),
        ("jindun", "school-age-library", 100),
    ],
)
def test_resources_about_some_ages_share_those_ages(one: str, other: str, least: int) -> None:
    assert len(subjects(one, "person.id") & subjects(other, "person.id")) >= least


def test_what_is_derived_of_its_own_kind_holds_the_rows_of_its_origins() -> None:
    """They were rows of its own making: what flowed back to a city was nothing it had given."""
    derived = {row.system: row.derived_from for row in whole().story.derived}
    origins = [row for name in derived["digital-gov-platform"] for row in made(name)]
    assert len({row["number"] for row in origins}) == 14 * 1_000
    assert made("digital-gov-platform") == origins
    assert made("national-online-gov") == origins
    # Statistics of cases are no cases.
    assert len(made("integrated-big-data")) == 1_000


def test_a_city_gets_back_what_it_gave_and_no_more() -> None:
    back = [
        pair
        for pair in whole().pairs
        if pair.return_flow
        and pair.consumer.id in {each.system.id for each in pair.resource.origins}
    ]
    assert len(back) == 14
    for pair in back:
        assert [*granted(pair, cast())] == made(pair.consumer.id)


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
