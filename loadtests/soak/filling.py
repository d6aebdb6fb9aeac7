"""What the logs hold beforehand: the same first page everywhere, and one long log."""

from datetime import UTC, datetime

from exchange.log.topics import topic_of
from loadtests.runs import RunFailed
from loadtests.soak import population as populations
from loadtests.soak.asking import Ask, Feeding, Reading
from loadtests.soak.scene import CALLERS, Scene, ends
from loadtests.stage import LARGE_PAGE, PAGE

FILLING_SECONDS = 600.0
# Twice what the gateway's cache of chunks holds: reading them in turn meets the broker.
PAGES = 400
START, MIDDLE, TAIL = "start", "middle", "tail"


def fill(scene: Scene) -> None:
    """Publish what is missing; raises RunFailed."""
    population = scene.population
    empty = population.resources[population.filled :]
    if empty:
        _publish(scene, Feeding(scene.publisher_token, empty, PAGE, bodies=1), len(empty))
        population.filled = len(population.resources)
        _keep(scene)
    _widen(scene)
    _lengthen(scene, scene.effort.log_records)


def _widen(scene: Scene) -> None:
    """Let the popular resource hold a page so large that no connection holds it back unnoticed."""
    popular = scene.population.resources[0]
    topic = topic_of(popular)
    missing = LARGE_PAGE - ends(scene.ground.arena.bootstrap, [topic])[topic]
    if missing > 0:
        work = Feeding(scene.publisher_token, [popular], PAGE)
        _publish(scene, work, -(-missing // PAGE))


def pages(scene: Scene) -> int:
    """Return how many pages of each place of the long log are read."""
    return min(PAGES, scene.effort.log_records // PAGE // 4)


def _lengthen(scene: Scene, wanted: int) -> None:
    """Write the long log in three parts, and note when the later two began."""
    population = scene.population
    topic = topic_of(population.long)
    have = ends(scene.ground.arena.bootstrap, [topic])[topic]
    if have >= wanted and population.marks:
        return
    parts = (("", wanted // 2), (MIDDLE, wanted - pages(scene) * PAGE), (TAIL, wanted))
    for mark, until in parts:
        if mark:
            population.marks[mark] = datetime.now(UTC).isoformat()
        # A part that was there before is only marked, and the next place is one page further.
        missing = max(until - have, PAGE if mark else 0) // PAGE
        if missing:
            _publish(scene, Feeding(scene.publisher_token, [population.long], PAGE), missing)
        have += missing * PAGE
    _keep(scene)


def _publish(scene: Scene, work: Feeding, requests: int) -> None:
    arena = scene.ground.arena
    seen = scene.drive(arena, work, CALLERS, requests=requests, seconds=FILLING_SECONDS)
    if seen.total.failures or seen.total.records != requests * work.records:
        raise RunFailed("; ".join(seen.total.complaints) or "the log could not be filled in time")


def _keep(scene: Scene) -> None:
    populations.write(scene.population, scene.folder / populations.FILE)


def places(scene: Scene, mark: str) -> Reading:
    """Return the pages of the long log that follow a place, to be read in turn."""
    return Reading([scene.token(scene.long_system)], cursors(scene, mark, pages(scene)), PAGE)


def cursors(scene: Scene, mark: str, count: int) -> list[Ask]:
    """Walk from a place of the long log on and return a question for each page."""
    reader = scene.long_reader
    to = "earliest" if mark == START else scene.population.marks[mark]
    with populations.client(scene.ground.arena, scene.long_system) as asking:
        cursor, asks = asking.rewind(reader.id, to), []
        for _ in range(count):
            asks.append(Ask(reader.id, 0, cursor))
            cursor = asking.page(reader.id, cursor, limit=PAGE).next_cursor
    return asks
