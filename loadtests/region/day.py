"""What a day of the region holds, as data: which systems do what from when to when."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from deploy.region.reading import Invalid, Problem, Row, read, twice
from deploy.region.region import Pair, Region

FILE = "day.csv"
HOURS = 24.0
MINUTES = 10.0
# By which uses an activity reads; `follow` waits for what comes.
READ_BY = {
    "table": ("table",), "follow": ("pull",), "verify": ("verify",), "query": ("query",),
}  # fmt: skip
READERS = ("pull", "table", "push")

Hour = Annotated[float, Meta(ge=0, le=HOURS)]


class Activity(Row, frozen=True, kw_only=True):
    """So many `users` do this, each with a `pause` in seconds between two turns.

    Of what is `pushed` every use by push has a receiver that the platform delivers to.
    """

    id: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
    title: Annotated[str, Meta(min_length=1, max_length=100)]
    mode: Literal["publish", "table", "follow", "verify", "query"]
    providers: tuple[str, ...]
    begin: Hour
    end: Hour
    users: Annotated[int, Meta(ge=1, le=1_000)]
    pause: Annotated[float, Meta(ge=0, le=60)]
    pushed: Literal["yes"] | None = None

    def at(self, hour: float) -> bool:
        return self.begin <= hour < self.end


def load(region: Region, folder: Path = Path(__file__).parent) -> list[Activity]:
    """Read and check the day; raises Invalid with every line that is wrong."""
    wrong: list[Problem] = []
    day = read(folder, FILE, Activity, wrong)
    wrong += twice(FILE, ((row.id, row.line) for row in day))
    wrong += (problem for row in day for problem in _of(row, region))
    if wrong:
        raise Invalid(wrong)
    return day


def _of(row: Activity, region: Region) -> Iterator[Problem]:
    if row.end <= row.begin:
        yield Problem(FILE, row.line, "end 须晚于 begin", "it ends before it begins")
    for name in row.providers:
        resource = region.resources.get(name)
        if resource is None or not resource.records:
            yield Problem(FILE, row.line, f"{name} 没有数据", f"{name} has no records")
        elif row.mode == "publish":
            if not whole_readers(region, name):
                yield Problem(FILE, row.line, f"{name} 没有使用方", f"nobody reads {name}")
        elif not uses(row, region, name):
            yield Problem(FILE, row.line, f"{name} 没有该方式的使用", f"{name}: no such use")


def uses(row: Activity, region: Region, name: str) -> list[Pair]:
    """The uses of a provider by which the activity reads."""
    modes = READ_BY[row.mode]
    return [p for p in region.pairs if p.resource.system.id == name and p.mode in modes]


def whole_readers(region: Region, name: str) -> list[Pair]:
    """The uses that show every row of a provider; one that is pushed may pull, too."""
    return [
        pair
        for pair in region.pairs
        if pair.resource.system.id == name and pair.mode in READERS and pair.row_filter is None
    ]


def hour_of(elapsed_seconds: float, minutes: float) -> float:
    """The hour of the day that a compressed day has come to."""
    return elapsed_seconds / (minutes * 60) * HOURS
