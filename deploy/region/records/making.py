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
T = TypeVar("T")
BEGIN_BELOW = 400
"""Any two resources of a thousand records each are about six hundred or more of the same people."""


def records(resource: Resource, cast: Cast) -> Iterator[Record]:
    """Yield the records that the resource's system publishes, each with a key of its own.

    One that is derived from entries of its own kind has their rows, each key once.
    """
    if not resource.origins:
        yield from _of_its_own(resource, cast)
        return
    key, known = resource.key.name, set[str]()
    for origin in resource.origins:
        for record in records(origin, cast):
            if record[key] not in known:
                known.add(record[key])
                yield record


def _of_its_own(resource: Resource, cast: Cast) -> Iterator[Record]:
    begin = drawn(BEGIN_BELOW, "begin", resource.system.id)
    # Turned before they are chosen from: who is left out moves nobody else out of sight.
    people = _within(_of_ages(_turned(cast.people, begin), resource.rule.ages), resource)
    enterprises = _within(_turned(cast.enterprises, begin), resource)
    places = _within(_turned(cast.places, begin), resource)
    items = [(item.name, GENERATORS[item.row.value]) for item in resource.items]
    for index in range(resource.records):
        subject = Subject(
            system=resource.system.id,
            division=resource.department.region_code,
            topic=topic(resource.name),
            holder=resource.department.row.name,
            index=index,
            categories=resource.categories,
            unit=resource.rule.unit or "",
            cast=cast,
            person=people[index % len(people)],
            enterprise=enterprises[index % len(enterprises)],
            place=places[index % len(places)],
        )
        yield {name: generator(subject) for name, generator in items}


def _turned(those: Sequence[T], begin: int) -> Sequence[T]:
    """All of those, from one on and round to the one before it."""
    return [*those[begin:], *those[:begin]]


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
