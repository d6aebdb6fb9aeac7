"""Who lives in a soak: thousands of resources and subscriptions, registered once and kept.

Everything is made by the steps of the load tests' own world, and a population that is too small
grows: what a broken-off seeding made is used by the next one.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

import msgspec

from deploy.local.files import write_private
from loadtests import records
from loadtests.arena import Arena
from loadtests.world import RATE_LIMIT, Credentials, Department, Json, Seeding, limit

FILE = "population.json"
SYSTEMS = 11
# More than hold all that a worker may hold, a quarter each.
PUBLISHERS = 6
AT_ONCE = 6
# So many are made before the population is written down.
STEP = 200

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


class Subscription(msgspec.Struct, frozen=True):
    """`system` is the place of the application system that it was granted to."""

    id: str
    resource: str
    system: int


class Population(msgspec.Struct):
    """`systems[0]` is kept apart from the others: it plays the bad neighbour.

    `publishers` flood. The first `filled` resources hold the same first page. `long` is the
    resource with the long log, `marks` the times at which its named places were written.
    """

    provider: Department
    consumer: Department
    systems: list[Credentials]
    items: list[Json]
    long: str = ""
    long_reader: Subscription | None = None
    resources: list[str] = []
    subscriptions: list[Subscription] = []
    publishers: list[Credentials] = []
    filled: int = 0
    marks: dict[str, str] = {}

    def popular(self, scale: Scale) -> Sequence[Subscription]:
        """Return the subscriptions of the first resource; the bad neighbour's is the first."""
        first = self.resources[0]
        return [each for each in self.subscriptions if each.resource == first][: scale.popular]

    def spread(self, scale: Scale) -> Sequence[Subscription]:
        """Return the others; each resource has one of its own among the first `spread`."""
        of_each: dict[str, list[Subscription]] = {resource: [] for resource in self.resources[1:]}
        for each in self.subscriptions:
            if each.resource in of_each:
                of_each[each.resource].append(each)
        turns = zip_longest(*of_each.values())
        rest = [each for turn in turns for each in turn if each is not None]
        return rest[: scale.subscriptions - scale.popular]

    def missing(self, scale: Scale) -> list[int]:
        """Return the places of the resources that lack a subscription, each as often as it does."""
        there = Counter(each.resource for each in self.subscriptions)
        found = []
        for place in scale.wanted():
            if there[self.resources[place]]:
                there[self.resources[place]] -= 1
            else:
                found.append(place)
        return found


def read(path: Path) -> Population | None:
    """Return a kept population; one whose records, or whose form, were others is of no use."""
    if not path.exists():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Population)
    except msgspec.ValidationError:
        return None
    return found if [item["name"] for item in found.items] == list(records.ITEMS) else None


def write(population: Population, path: Path) -> None:
    write_private(path, msgspec.json.encode(population).decode())


def populate(arena: Arena, scale: Scale, told: Told) -> Population:
    """Return a population of at least this scale, registering what is not there yet."""
    path = arena.folder / FILE
    with ExitStack() as clients:
        seeding = Seeding(arena.base_url, arena.credentials, clients)
        grower = Grower(seeding, read(path) or _founded(seeding), path, told)
        grower.grow(scale)
        _limit(seeding, grower.population)
        return grower.population


def _limit(seeding: Seeding, population: Population) -> None:
    """Let the busy systems ask for more than usual; the bad neighbour keeps the usual limits."""
    operator = seeding.staff["operator"]
    neighbour, *others = population.systems
    for system in (population.provider.system, neighbour, *others):
        wanted = None if system is neighbour else RATE_LIMIT
        if operator.ask("GET", f"/v1/clients/{system.name}")["rate_limit"] != wanted:
            limit(operator, system.name, wanted)


def _founded(seeding: Seeding) -> Population:
    names = ("长稳测试报送单位", "长稳测试使用单位")
    provider, consumer = (seeding.department(name) for name in names)
    path = f"/v1/departments/{provider.uscc}/standing-consent"
    seeding.person(provider.head).ask("PUT", path, {"enabled": True})
    systems = [
        seeding.system(consumer.uscc, consumer.head, f"长稳测试使用系统{number}")
        for number in range(SYSTEMS)
    ]
    return Population(provider, consumer, systems, seeding.items(provider))


class Grower:
    """Registers resources and subscriptions, several at once, and writes down what it has made."""

    def __init__(self, seeding: Seeding, population: Population, path: Path, told: Told) -> None:
        self.population = population
        self._seeding, self._path, self._told = seeding, path, told
        for office in (population.provider, population.consumer):
            for login in (office.clerk, office.head):
                seeding.person(login)  # before several ask at once

    def grow(self, scale: Scale) -> None:
        population = self.population
        write(population, self._path)
        if not population.long:
            population.long = self._resource(0)
            population.long_reader = self._subscription(population.long, 1)
        self._extend(population.publishers, PUBLISHERS, self._publisher, "publishers")
        self._extend(population.resources, scale.resources, self._resource, "resources")

        missing = iter(population.missing(scale))

        def subscribe(number: int) -> Subscription:
            # The first subscription of all is the bad neighbour's, and nothing else is.
            system = 1 + number % (SYSTEMS - 1) if number else 0
            return self._subscription(population.resources[next(missing)], system)

        wanted = len(population.subscriptions) + len(population.missing(scale))
        self._extend(population.subscriptions, wanted, subscribe, "subscriptions")

    def _extend(
        self, things: list[Thing], wanted: int, make: Callable[[int], Thing], named: str
    ) -> None:
        begun, at_first = time.monotonic(), len(things)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while (there := len(things)) < wanted:
                things += pool.map(make, range(there, min(there + STEP, wanted)))
                write(self.population, self._path)
                rate = (len(things) - at_first) / (time.monotonic() - begun)
                self._told(f"{len(things):,} / {wanted:,} {named}, {rate:.0f}/s")

    def _publisher(self, number: int) -> Credentials:
        provider = self.population.provider
        return self._seeding.system(provider.uscc, provider.head, f"长稳测试报送系统{number}")

    def _resource(self, _number: int) -> str:
        return self._seeding.resource(self.population.provider, self.population.items)

    def _subscription(self, resource: str, system: int) -> Subscription:
        """Apply and sign; the provider's standing consent agrees at once."""
        asked = {"resource_id": resource, "items": records.NARROW}
        population = self.population
        signed = self._seeding.application(asked, population.consumer, population.systems[system])
        return Subscription(str(signed["subscription_id"]), resource, system)
