"""The fictitious people, enterprises and places of the region, the same in every resource.

None of them can be real (ADR 0048): resident numbers lie in divisions 4599xx, which GB/T 2260 never
had; credit codes have organisation codes `RGN…`, which nobody was given; names of enterprises
and addresses say 示例. Check digits are right all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import count

from auth.regions.codes import COUNTY_DIGITS
from deploy.demo.divisions import divisions
from deploy.region.files import Files
from deploy.region.records.drawing import chosen, drawn
from kernel.identifiers import make_uscc, resident_check_digit

PEOPLE, ENTERPRISES, PLACES = 8_000, 2_000, 2_000
TODAY = date(2026, 6, 30)
CITY_DIGITS = 4
"""The day on which the records of the region were made, whenever it is built."""
FIRST_BIRTH, LAST_BIRTH = date(1946, 7, 1), date(2023, 6, 30)
NO_DIVISION = "4599"
DIVISIONS_OF_NOBODY = 100
ORDERS = 1_000
GRAIN = 1_000_000
SPREAD = 0.4
"""Degrees around the seat of a city."""


@dataclass(frozen=True, slots=True)
class County:
    code: str
    name: str
    city: str


@dataclass(frozen=True, slots=True)
class Human:
    """A person who does not exist."""

    id: str
    name: str
    sex: str
    nation: str
    born_on: date
    county: County
    address: str

    def age(self, on: date) -> int:
        return (
            on.year
            - self.born_on.year
            - ((on.month, on.day) < (self.born_on.month, self.born_on.day))
        )


@dataclass(frozen=True, slots=True)
class Enterprise:
    """An enterprise that does not exist."""

    code: str
    name: str
    representative: Human
    county: County
    founded_on: date


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a county that exists, at an address that does not."""

    name: str
    county: County
    address: str
    longitude: str
    latitude: str


class Cast:
    """Everybody and everything that records are about; made when first asked for."""

    def __init__(self, files: Files) -> None:
        self._words = {row.kind: row.words for row in files.words}
        self._nations = ("01", "08", "08", "13", "12", "09", "25", "01")
        self._seats: Mapping[str, tuple[float, float]] = {
            row.code[:CITY_DIGITS]: (row.longitude, row.latitude) for row in files.cities
        }

    @cached_property
    def counties(self) -> Sequence[County]:
        rows = divisions()
        names = {row["code"]: row["name"] for row in rows}
        return [
            County(row["code"][:COUNTY_DIGITS], row["name"], names[row["parent_code"]])
            for row in rows
            if row["level"] == "county"
        ]

    @cached_property
    def people(self) -> Sequence[Human]:
        seen: set[str] = set()
        return [self._human(number, seen) for number in range(PEOPLE)]

    @cached_property
    def enterprises(self) -> Sequence[Enterprise]:
        adults = [each for each in self.people if each.age(TODAY) in range(25, 66)]
        return [self._enterprise(number, adults) for number in range(ENTERPRISES)]

    @cached_property
    def places(self) -> Sequence[Place]:
        return [self._place(number) for number in range(PLACES)]

    def address(self, county: County, *names: object) -> str:
        road = chosen(self._words["road"], "road", *names)
        house = 1 + drawn(300, "house", *names)
        return f"{county.city}{county.name}{road}示例路{house}号"

    def _human(self, number: int, seen: set[str]) -> Human:
        days = (LAST_BIRTH - FIRST_BIRTH).days
        born_on = FIRST_BIRTH + timedelta(days=drawn(days, "born", number))
        county = chosen(self.counties, "lives", number)
        identity = next(
            each for attempt in count() if (each := _identity(number, attempt, born_on)) not in seen
        )
        seen.add(identity)
        given = [
            chosen(self._words["given"], "given", place, number)
            for place in range(1 + drawn(2, "names", number))
        ]
        return Human(
            id=identity,
            name=chosen(self._words["surname"], "surname", number) + "".join(given),
            # Odd orders are men's (GB 11643).
            sex="1" if int(identity[16]) % 2 else "2",
            nation=chosen(self._nations, "nation", number),
            born_on=born_on,
            county=county,
            address=self.address(county, "human", number),
        )

    def _enterprise(self, number: int, adults: Sequence[Human]) -> Enterprise:
        county = chosen(self.counties, "registered", number)
        brand = chosen(self._words["brand"], "brand", number)
        trade = chosen(self._words["trade"], "trade", number)
        return Enterprise(
            code=make_uscc("9", "1", county.code, f"RGN{number:05d}"),
            name=f"{county.city.removesuffix('市')}{brand}示例{number:04d}号{trade}有限公司",
            representative=chosen(adults, "representative", number),
            county=county,
            founded_on=TODAY - timedelta(days=30 + drawn(9_000, "founded", number)),
        )

    def _place(self, number: int) -> Place:
        county = chosen(self.counties, "place", number)
        east, north = self._seats[county.code[:CITY_DIGITS]]
        road = chosen(self._words["road"], "site", number)
        return Place(
            name=f"{county.name}{road}示例{number:04d}号",
            county=county,
            address=self.address(county, "place", number),
            longitude=f"{east + _off('east', number):.6f}",
            latitude=f"{north + _off('north', number):.6f}",
        )


def _identity(number: int, attempt: int, born_on: date) -> str:
    division = f"{NO_DIVISION}{drawn(DIVISIONS_OF_NOBODY, 'division', number, attempt):02d}"
    order = 1 + drawn(ORDERS - 1, "order", number, attempt)
    body = f"{division}{born_on:%Y%m%d}{order:03d}"
    return body + resident_check_digit(body)


def _off(axis: str, number: int) -> float:
    return SPREAD * (2 * drawn(GRAIN, axis, number) / GRAIN - 1)
