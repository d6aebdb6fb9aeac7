"""The systems of the region at work, through the client package as they would be."""

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from gevent import sleep
from locust import User, task

from deploy.demo.proof import line_of
from deploy.region.building.records import granted
from deploy.region.building.stage import Stage
from deploy.region.records.cast import Cast
from deploy.region.records.making import Record, records
from deploy.region.region import Pair, Resource
from kernel.ids import new_id
from loadtests.region.day import Activity, hour_of, uses
from shuyuan_client.failures import Failure

BATCH = 5
QUERY_LIMIT = 200
WAIT_SECONDS, REST_SECONDS = 1.0, 0.2
MATTER = {"matter": "政务服务办理（场景）", "reference": "场景办件 0001"}


class Wrong(Exception):
    """An answer that came and is not the right one."""


@dataclass
class Region:
    """What all users share: who acts, what is true, and what was acknowledged.

    `published` counts by key what each provider's receipts took; `minutes` are what a day takes.
    """

    stage: Stage
    cast: Cast
    minutes: float
    begun: float = field(default_factory=time.monotonic)
    published: dict[str, Counter[str]] = field(default_factory=dict)
    read: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _records: dict[str, Sequence[Record]] = field(default_factory=dict)
    _granted: dict[str, Sequence[Record]] = field(default_factory=dict)
    _subjects: dict[str, Iterator[tuple[Pair, Record]]] = field(default_factory=dict)

    @property
    def hour(self) -> float:
        return hour_of(time.monotonic() - self.begun, self.minutes)

    def records(self, resource: Resource) -> Sequence[Record]:
        name = resource.system.id
        if name not in self._records:
            self._records[name] = [*records(resource, self.cast)]
        return self._records[name]

    def next_subject(self, provider: str, pairs: Sequence[Pair]) -> tuple[Pair, Record]:
        """Whom to ask about next, and by which use: nobody twice before everybody was.

        A subject may be asked about five times a day, by whatever day of the region.
        """
        with self.lock:
            if provider not in self._subjects:
                everybody = [(pair, record) for pair in pairs for record in self.granted(pair)]
                random.shuffle(everybody)
                self._subjects[provider] = itertools.cycle(everybody)
            return next(self._subjects[provider])

    def granted(self, pair: Pair) -> Sequence[Record]:
        if pair.id not in self._granted:
            self._granted[pair.id] = [*granted(pair, self.cast)]
        return self._granted[pair.id]

    def subscription(self, pair: Pair) -> str:
        return str(self.stage.notes.get(f"subscription {pair.id}"))

    def acknowledge(self, provider: str, keys: Sequence[str], accepted: int) -> None:
        if accepted != len(keys):
            raise Wrong(f"{accepted} of {len(keys)} accepted")
        with self.lock:
            self.published.setdefault(provider, Counter()).update(keys)


class SystemUser(User):
    """An application system that does one activity over and over while it is the hour for it.

    All of them are there the whole day: Locust does not exchange users of one class for another's.
    """

    abstract = True
    region: ClassVar[Region]
    row: ClassVar[Activity]

    def on_start(self) -> None:
        self._turn = random.Random()  # noqa: S311 - which of them, no secret
        self._cursors: dict[str, str] = {}

    def wait_time(self) -> float:
        return self.row.pause if self.row.at(self.region.hour) else REST_SECONDS

    @task
    def act(self) -> None:
        if self.row.at(self.region.hour):
            act: Callable[[str], None] = getattr(self, self.row.mode)
            act(self._turn.choice(self.row.providers))

    def publish(self, provider: str) -> None:
        """Tell some records again: the region stays what it is, and each is a message."""
        resource = self.region.stage.region.resources[provider]
        some = self._turn.sample(self.region.records(resource), BATCH)
        keys = [record[resource.key.name] for record in some]
        client = self.region.stage.system(provider)
        with self._counted("publish", provider, len(some)):
            receipt, _again = client.publish(
                self.region.stage.resource_id(provider),
                "\n".join(map(line_of, some)).encode(),
                key=f"load {new_id()}",
            )
            self.region.acknowledge(provider, keys, receipt["accepted"])

    def table(self, provider: str) -> None:
        """Load all of it anew, as a nightly job does, and count it."""
        pair = self._pair(provider)
        client, subscription = self._consumer(pair)
        wanted = {record[pair.resource.key.name] for record in self.region.granted(pair)}
        with self._counted("table", provider, len(wanted)):
            pages = client.pages(subscription, client.rewind(subscription, "earliest"))
            came = {line.key for page in pages for line in page.records()}
            if len(came) != len(wanted):
                raise Wrong(f"{len(came)} keys of {len(wanted)}")

    def follow(self, provider: str) -> None:
        """Wait a moment for what comes next, from where this system was."""
        pair = self._pair(provider)
        client, subscription = self._consumer(pair)
        cursor = self._cursors.get(subscription) or client.rewind(subscription, "latest")
        with self._counted("follow", provider, 0):
            page = client.page(subscription, cursor, wait_seconds=WAIT_SECONDS)
            self._cursors[subscription] = page.next_cursor
            with self.region.lock:
                self.region.read[f"follow {provider}"] += len(page.lines)

    def verify(self, provider: str) -> None:
        """Ask something right or wrong about somebody; the answer must be so."""
        pairs = uses(self.row, self.region.stage.region, provider)
        pair, record = self.region.next_subject(provider, pairs)
        client, subscription = self._consumer(pair)
        item = next(each.name for each in pair.resource.items if not each.row.key)
        # Now and then somebody has mistyped; more would be taken for guessing.
        right = self._turn.random() > 0.1  # noqa: PLR2004
        said = record[item] if right else record[item] + "误"
        body = {"key": record[pair.resource.key.name], "expect": {item: said}, **MATTER}
        with self._counted("verify", provider, 1):
            answer = client.ask("POST", f"/v1/subscriptions/{subscription}/verify", body)
            if answer["match"] is not right:
                raise Wrong("the answer is wrong")

    def query(self, provider: str) -> None:
        """Ask for a page of the latest state."""
        pair = self._pair(provider)
        client, subscription = self._consumer(pair)
        body: Mapping[str, Any] = {"where": [], "limit": QUERY_LIMIT}
        with self._counted("query", provider, QUERY_LIMIT):
            answer = client.ask("POST", f"/v1/subscriptions/{subscription}/query", body)
            if len(answer["items"]) != QUERY_LIMIT:
                raise Wrong(f"{len(answer['items'])} rows of {QUERY_LIMIT}")

    def _pair(self, provider: str) -> Pair:
        return self._turn.choice(uses(self.row, self.region.stage.region, provider))

    def _consumer(self, pair: Pair) -> tuple[Any, str]:
        return self.region.stage.system(pair.consumer.id), self.region.subscription(pair)

    @contextmanager
    def _counted(self, mode: str, provider: str, count: int) -> Iterator[None]:
        """Count what is done as one request of a mode and a system; a failure fails the run."""
        begun, wrong = time.perf_counter(), None
        try:
            yield
        except (Failure, Wrong) as failure:
            wrong = failure
        taken = (time.perf_counter() - begun) * 1000
        self.environment.events.request.fire(
            request_type=mode, name=provider, response_time=taken, response_length=count,
            exception=wrong, context={},
        )  # fmt: skip
        if wrong is not None:
            sleep(1)
            return
        with self.region.lock:
            self.region.read[f"{mode} {provider}"] += count


def users_of(day: Sequence[Activity], region: Region) -> dict[str, type[SystemUser]]:
    """Return a class of users for each activity, by its id: as many as it names."""
    return {
        row.id: type(
            f"Users{row.id.title().replace('-', '')}",
            (SystemUser,),
            {"row": row, "region": region, "fixed_count": row.users},
        )
        for row in day
    }
