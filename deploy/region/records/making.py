"""The records of a resource: the same in every run, about the people that every resource knows."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from auth.regions.codes import REGION, STATE
from deploy.region.putting_together import topic
from deploy.region.records.cast import CITY_DIGITS, TODAY, Cast, County, Human
from deploy.region.records.drawing import drawn
from deploy.region.records.values import GENERATORS, Subject
from deploy.region.region import Resource

Record = dict[str, str]


class Located(Protocol):
    @property
    def county(self) -> County: ...


L = TypeVar("L", bound=Located)


def records(resource: Resource, cast: Cast) -> Iterator[Record]:
    """Yield the records that the resource's system publishes, each with a key of its own."""
    people = _within(_of_ages(cast.people, resource.rule.ages), resource)
    enterprises = _within(cast.enterprises, resource)
    places = _within(cast.places, resource)
    begin = drawn(len(cast.people), "begin", resource.system.id)
    items = [(item.name, GENERATORS[item.row.value]) for item in resource.items]
    for index in range(resource.records):
        at = begin + index
        subject = Subject(
            system=resource.system.id,
            topic=topic(resource.name),
            holder=resource.department.row.name,
            index=index,
            categories=resource.categories,
            unit=resource.rule.unit or "",
            cast=cast,
            person=people[at % len(people)],
            enterprise=enterprises[at % len(enterprises)],
            place=places[at % len(places)],
        )
        yield {name: generator(subject) for name, generator in items}


def _within(those: Sequence[L], resource: Resource) -> Sequence[L]:
    """Those in the city of the resource's department; all of them for the region and the state."""
    code = resource.department.region_code
    if code in {REGION, STATE}:
        return those
    return [each for each in those if each.county.code.startswith(code[:CITY_DIGITS])]


def _of_ages(people: Sequence[Human], ages: str | None) -> Sequence[Human]:
    if ages is None:
        return people
    youngest, oldest = (int(age) for age in ages.split("-"))
    return [each for each in people if youngest <= each.age(TODAY) <= oldest]
