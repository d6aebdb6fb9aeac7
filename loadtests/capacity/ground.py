"""Where costs are measured: a resource for every caller, and books of pages of three grants.

The load tests' own world has three resources, so that callers meet and their batches are merged.
Here everybody writes alone, as in a region with thousands of resources: merging only saves.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil

from exchange.log.topics import topic_of
from loadtests import pages, records
from loadtests.arena import Arena
from loadtests.pages import Book, Page
from loadtests.runs import RunFailed
from loadtests.stage import BATCH, FILLING, Stage, generate, write_book
from loadtests.workloads import Publish
from loadtests.world import Seeding, World

SLIM = ("id_number", "birth", "status")
EMPTY = "empty.book"


@dataclass(frozen=True, slots=True)
class Scale:
    """Batches of 500 in the archive before its tail, and in its tail; resources to write to.

    The archive is larger than the cache of a worker (64 MiB), so that reading it in a ring always
    meets the broker; the tail fits in with room to spare.
    """

    archive_batches: int = 400
    tail_batches: int = 20
    feeds: int = 16


@dataclass(frozen=True, slots=True)
class Ground:
    """`tail` is the offset in the archive where its tail begins, `since` the time it did."""

    stage: Stage
    slim: str
    scale: Scale
    since: str
    tail: int

    def path(self, book: str) -> Path:
        return self.stage.folder / f"{book}.book"

    def write(self, book: str, subscription: str, limit: int, items: Sequence[str]) -> None:
        """Write the pages of the tail that one grant shows."""
        count = self.scale.tail_batches * BATCH // limit
        self._write(book, subscription, limit, items, (self.since, self.tail), count)

    def write_all(self, book: str, subscription: str, limit: int, items: Sequence[str]) -> None:
        """Write all pages of the archive, more than the caches hold, that one grant shows."""
        count = (self.scale.archive_batches + self.scale.tail_batches) * BATCH // limit
        self._write(book, subscription, limit, items, ("earliest", 0), count)

    def write_empty(self) -> str:
        """Write a book of one page that has nothing, at the end of the log; return its path."""
        path = self.stage.folder / EMPTY
        with self.stage.world.client(self.stage.world.consumer) as consumer:
            end = consumer.rewind(self.stage.world.whole, "latest")
        path.write_bytes(b"\n")  # an empty file cannot be mapped into memory
        index = [Page(end, 0, 0, 0)]
        path.with_suffix(".index.json").write_bytes(msgspec.json.encode(index))
        return str(path)

    def _write(
        self,
        book: str,
        subscription: str,
        limit: int,
        items: Sequence[str],
        start: tuple[str, int],
        count: int,
    ) -> None:
        stage, (to, offset) = self.stage, start
        with stage.world.client(stage.world.consumer) as consumer:
            first = consumer.rewind(subscription, to)
        write_book(
            stage,
            pages.Question(
                base_url=stage.arena.base_url,
                token=stage.token(stage.world.consumer),
                subscription=subscription,
                cursor=first,
                offset=offset,
                limit=limit,
                pages_max=count,
                items=list(items),
                masked=tuple(items) == records.NARROW,
                bootstrap=stage.arena.bootstrap,
                topic=topic_of(stage.world.archive),
                path=str(self.path(book)),
            ),
        )

    def bytes_shown(self, book: str) -> float:
        """Return the bytes of a record as a book's pages hold it."""
        taken = Book(self.path(book)).pages
        return sum(page.size for page in taken) / sum(page.count for page in taken)

    def bytes_stored(self, resources: Sequence[str]) -> float:
        """Return the bytes of the log files of resources, on the one broker of the arena."""
        home = Path(psutil.Process(self.stage.arena.families["broker"]).cwd())
        return sum(_log_bytes(home / "data", resource) for resource in resources)


def _log_bytes(data: Path, resource: str) -> int:
    return sum(file.stat().st_size for file in data.glob(f"{topic_of(resource)}-*/*.log"))


def prepare(arena: Arena, scale: Scale) -> Ground:
    """Make the world and fill the archive; raises RunFailed."""
    with ExitStack() as clients:
        made, slim = _seed(Seeding(arena.base_url, arena.credentials, clients), scale.feeds)
    stage = Stage(arena, made)
    _fill(stage, scale.archive_batches)
    since, tail = datetime.now(UTC).isoformat(), stage.archived()
    _fill(stage, scale.tail_batches)
    return Ground(stage, slim, scale, since, tail)


def _seed(seeding: Seeding, feeds: int) -> tuple[World, str]:
    """Return the world and the subscription of three items, none of them masked."""
    provider, consumer = seeding.department("报送单位"), seeding.department("使用单位")
    items = seeding.items(provider)
    archive = seeding.resource(provider, items)

    def grant(shown: Sequence[str], lifted: Sequence[str] = ()) -> str:
        return seeding.subscription(archive, provider, consumer, shown, lifted=lifted)

    made = World(
        base_url=seeding.base_url,
        publisher=provider.system,
        consumer=consumer.system,
        head=provider.head_login,
        feeds=[seeding.resource(provider, items) for _ in range(feeds)],
        archive=archive,
        whole=grant(tuple(records.ITEMS), tuple(records.MASKS)),
        masked=grant(records.NARROW),
        revocable=[],
        bulletin=archive,
        waiting=[],
    )
    return made, grant(SLIM)


def _fill(stage: Stage, batches: int) -> None:
    """Fill the archive by one caller alone: each batch stays a batch of the log."""
    work = Publish([stage.world.archive], BATCH)
    filled = generate(stage, work, 1, FILLING, requests=batches).total
    if filled.failures or filled.records != batches * BATCH:
        raise RunFailed("; ".join(filled.complaints) or "the archive could not be filled")
