"""Who lives in a soak: thousands of resources and subscriptions, registered once and kept.

Everything is made by the steps of the load tests' own world. A population of another scale, or of
other records, is not used again; a registration that was broken off begins anew.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import msgspec

from deploy.local.files import write_private
from loadtests import records
from loadtests.arena import Arena
from loadtests.world import Credentials, Department, Seeding, limit

FILE = "population.json"
SYSTEMS = 11
# More than hold all that a worker may hold, a quarter each.
PUBLISHERS = 6
AT_ONCE = 6
TOLD_EACH = 500

Thing = TypeVar("Thing")
Told = Callable[[str], None]


class Scale(msgspec.Struct, frozen=True):
    """`popular` subscriptions are of the first resource, the rest of the next `spread` in turn."""

    resources: int
    subscriptions: int
    popular: int
    spread: int

    def wanted(self) -> list[int]:
        """Return the place of the resource of each subscription."""
        rest = range(self.subscriptions - self.popular)
        return [0] * self.popular + [1 + number % self.spread for number in rest]


FULL = Scale(resources=2_000, subscriptions=10_000, popular=1_000, spread=1_000)
QUICK = Scale(resources=24, subscriptions=48, popular=16, spread=16)
# What the row of the neighbours alone needs.
CROWD = Scale(resources=24, subscriptions=1_032, popular=1_000, spread=16)


class Subscription(msgspec.Struct, frozen=True):
    """`system` is the place of the application system that it was granted to."""

    id: str
    resource: str
    system: int


class Population(msgspec.Struct):
    """`systems[0]` plays the bad neighbour and holds the first subscription; `publishers` flood.

    `long` is the resource with the long log, `marks` the times at which its named places were
    written: none before the logs are filled.
    """

    scale: Scale
    items: Sequence[str]
    publisher: Credentials
    publishers: list[Credentials]
    systems: list[Credentials]
    long: str
    long_reader: Subscription
    resources: list[str]
    subscriptions: list[Subscription]
    marks: dict[str, str] = {}

    @property
    def popular(self) -> Sequence[Subscription]:
        return self.subscriptions[: self.scale.popular]

    @property
    def spread(self) -> Sequence[Subscription]:
        return self.subscriptions[self.scale.popular :]

    @property
    def one_each(self) -> Sequence[Subscription]:
        """Return a subscription of each of as many resources as the scale spreads them over."""
        return self.spread[: self.scale.spread]

    def write(self, folder: Path) -> None:
        write_private(folder / FILE, msgspec.json.encode(self).decode())


def read(folder: Path, scale: Scale) -> Population | None:
    """Return the kept population of this scale, and of today's records and form."""
    try:
        found = msgspec.json.decode((folder / FILE).read_bytes(), type=Population)
    except (FileNotFoundError, msgspec.ValidationError):
        return None
    return found if found.scale == scale and found.items == list(records.ITEMS) else None


def populate(arena: Arena, scale: Scale, told: Told) -> Population:
    """Return a population of this scale, registered where none is kept."""
    if kept := read(arena.folder, scale):
        return kept
    with ExitStack() as clients:
        made = _register(Seeding(arena.base_url, arena.credentials, clients), scale, told)
    made.write(arena.folder)
    return made


def _register(seeding: Seeding, scale: Scale, told: Told) -> Population:
    names = ("长稳测试报送单位", "长稳测试使用单位")
    provider, consumer = offices = [seeding.department(name) for name in names]
    for office in offices:
        for login in (office.clerk, office.head):
            seeding.person(login)  # before several ask at once
    path = f"/v1/departments/{provider.uscc}/standing-consent"
    seeding.person(provider.head).ask("PUT", path, {"enabled": True})
    items = seeding.items(provider)

    def system(of: Department, name: str, count: int) -> list[Credentials]:
        return [seeding.system(of.uscc, of.head, f"{name}{number}") for number in range(count)]

    systems = system(consumer, "长稳测试使用系统", SYSTEMS)
    # The bad neighbour keeps the usual limits.
    limit(seeding.staff["operator"], systems[0].name, None)

    def subscribe(resource: str, place: int) -> Subscription:
        # The provider's standing consent agrees at once.
        asked = {"resource_id": resource, "items": records.NARROW}
        signed = seeding.application(asked, consumer, systems[place])
        return Subscription(str(signed["subscription_id"]), resource, place)

    def grant(number: int) -> Subscription:
        place = 1 + number % (SYSTEMS - 1) if number else 0
        return subscribe(resources[wanted[number]], place)

    long, wanted = seeding.resource(provider, items), scale.wanted()
    every = range(scale.resources)
    resources = _several(lambda _: seeding.resource(provider, items), every, told)
    return Population(
        scale=scale,
        items=list(records.ITEMS),
        publisher=provider.system,
        publishers=system(provider, "长稳测试报送系统", PUBLISHERS),
        systems=systems,
        long=long,
        long_reader=subscribe(long, 1),
        resources=resources,
        subscriptions=_several(grant, range(len(wanted)), told),
    )


def _several(make: Callable[[int], Thing], numbers: Iterable[int], told: Told) -> list[Thing]:
    """Make things, some at once, and tell now and then how many there are."""
    made, begun = [], time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for thing in pool.map(make, numbers):
            made.append(thing)
            if len(made) % TOLD_EACH == 0:
                told(f"{len(made):,}, {len(made) / (time.monotonic() - begun):.0f}/s")
    return made
