"""What each column of profile_items.csv may name as `value`: a generator of an item's values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deploy.region.records.cast import CITY_DIGITS, TODAY, Cast, Enterprise, Human, Place
from deploy.region.records.drawing import chosen, drawn

DAYS = 900
MINUTES_APART = 7
MONTHS = 24
CENTS, THOUSANDTHS = 100, 1_000


@dataclass(frozen=True, slots=True)
class Subject:
    """What one record is about; `topic` is what its resource is about, `division` whose it is."""

    system: str
    division: str
    topic: str
    holder: str
    index: int
    categories: tuple[str, ...]
    unit: str
    cast: Cast
    person: Human
    enterprise: Enterprise
    place: Place

    def drawn(self, below: int, what: str) -> int:
        return drawn(below, self.system, self.index, what)

    @property
    def category(self) -> str:
        return chosen(self.categories, self.system, self.index, "category")

    @property
    def number(self) -> str:
        """A number that no other division gives: rows of all cities stand side by side above."""
        initials = "".join(part[:2] for part in self.system.split("-")).upper()
        return f"{initials}{self.division[:CITY_DIGITS]}{TODAY.year}{self.index:06d}"

    @property
    def day(self) -> str:
        return (TODAY - timedelta(days=self.drawn(DAYS, "day"))).isoformat()

    @property
    def moment(self) -> str:
        last = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
        return (last - timedelta(minutes=MINUTES_APART * self.index)).isoformat()

    @property
    def period(self) -> str:
        months = 12 * TODAY.year + TODAY.month - 1 - self.drawn(MONTHS, "period")
        return f"{months // 12}-{months % 12 + 1:02d}"

    @property
    def site(self) -> str:
        return f"{self.place.county.name}{self.topic}示例站{self.index % 100:02d}"

    @property
    def title(self) -> str:
        return f"{self.place.county.name}{self.topic}（{self.category}）示例第{self.index:04d}号"

    def decimal(self, below: int, parts: int, what: str) -> str:
        places = len(str(parts)) - 1
        return f"{self.drawn(below * parts, what) / parts:.{places}f}"


# In the proportion in which they are met: most is done, and most is normal.
PROGRESS = ("30", "30", "30", "20", "10", "40")
VALID = ("1", "1", "1", "1", "2", "3")
LEVELS = ("0", "0", "0", "0", "0", "4", "3", "2", "1")

GENERATORS: Mapping[str, Callable[[Subject], str]] = {
    "number": lambda it: it.number,
    "category": lambda it: it.category,
    "status": lambda it: VALID[it.drawn(len(VALID), "status")],
    "progress": lambda it: PROGRESS[it.drawn(len(PROGRESS), "progress")],
    "level": lambda it: LEVELS[it.drawn(len(LEVELS), "level")],
    "day": lambda it: it.day,
    "moment": lambda it: it.moment,
    "period": lambda it: it.period,
    "amount": lambda it: it.decimal(100_000, CENTS, "amount"),
    "measure": lambda it: it.decimal(500, THOUSANDTHS, "measure"),
    "figure": lambda it: it.decimal(100_000, CENTS, "figure"),
    "unit": lambda it: it.unit or "个",
    "title": lambda it: it.title,
    "holder": lambda it: it.holder,
    "division": lambda it: it.place.county.code,
    "person.id": lambda it: it.person.id,
    "person.name": lambda it: it.person.name,
    "person.sex": lambda it: it.person.sex,
    "person.nation": lambda it: it.person.nation,
    "person.born_on": lambda it: it.person.born_on.isoformat(),
    "person.division": lambda it: it.person.county.code,
    "person.address": lambda it: it.person.address,
    "enterprise.code": lambda it: it.enterprise.code,
    "enterprise.name": lambda it: it.enterprise.name,
    "enterprise.representative": lambda it: it.enterprise.representative.name,
    "enterprise.division": lambda it: it.enterprise.county.code,
    "enterprise.founded_on": lambda it: it.enterprise.founded_on.isoformat(),
    "place.name": lambda it: it.place.name + it.category,
    "place.site": lambda it: it.site,
    "place.division": lambda it: it.place.county.code,
    "place.address": lambda it: it.place.address,
    "place.longitude": lambda it: it.place.longitude,
    "place.latitude": lambda it: it.place.latitude,
}
