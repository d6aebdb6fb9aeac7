"""What one unit of each kind of work costs each part of the platform, as measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from gateway.console.load_reports import Machine

KEPT = Path(__file__).with_name("costs.json")
PARTS = (GATEWAY, WORKER, BROKER, DATABASE) = ("gateway", "worker", "broker", "database")

# Kinds of work, and what one request or unit of each is.
PUBLISH = "publish"  # one batch into a partition that nobody else writes to at that moment
KEYED = "keyed"  # what an Idempotency-Key adds to it
PAGE = "page"  # one page that the worker has at hand as this grant shows it
FETCH = "fetch"  # what a page adds whose records must come from the broker
PROJECT = "project"  # what such a page adds where they are decoded: items chosen, two masked
POLL = "poll"  # one page that has nothing, with its question to the broker
TOKEN = "token"  # noqa: S105 - the issue of one access token
LOOKUP = "lookup"  # one page of the catalogue
COUNT = "count"  # one flush of the counts of one client and one subscription
SEAL = "seal"  # one count of one minute, sealed into the audit chains
# The works whose cost also grows with their records.
WITH_RECORDS = frozenset({PUBLISH, PAGE, PROJECT, FETCH})


class Line(msgspec.Struct, frozen=True):
    """Microseconds of processor time for each request, and for each record in it."""

    request: float = 0.0
    record: float = 0.0


class Projection(msgspec.Struct, frozen=True):
    """Microseconds of the gateway to project one record, by the shape of the grant.

    Timed in one process; the fitted PROJECT is of `items_fitted` items and `masks_fitted` masks,
    and another shape is taken to differ from it by the difference of these.
    """

    record: float
    item: float
    mask: float
    items_fitted: int
    masks_fitted: int

    def microseconds(self, items: int, masks: int) -> float:
        return self.record + self.item * items + self.mask * masks

    def beyond_fitted(self, items: int, masks: int) -> float:
        fitted = self.microseconds(self.items_fitted, self.masks_fitted)
        return self.microseconds(items, masks) - fitted


class Bytes(msgspec.Struct, frozen=True):
    """Bytes as measured with the records of the load tests, whose JSON has `record` each.

    `batch_stored` and `record_stored` are in the broker's files, `count_stored` and `seal_stored`
    in PostgreSQL for each count of a minute and its audit event, `keyed_stored` for each key.
    """

    record: float
    batch_stored: float
    record_stored: float
    page_whole: float
    page_projected: float
    count_stored: float
    seal_stored: float
    keyed_stored: float


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One measured window: how much of which work was done, and the CPU seconds it took.

    `done` is (requests, records) of each kind of work. `others_share` is how many cores worked
    for somebody else meanwhile. A point with PROJECT says the `shape` of its grant: items, masks.
    """

    name: str
    seconds: float
    done: Mapping[str, tuple[int, int]]
    cpu_seconds: Mapping[str, float]
    others_cores: float = 0.0
    shape: tuple[int, int] | None = None


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, with where it comes from.

    `idle_cores` are what each part uses without load, `memory_bytes` what it held after the run;
    of the gateway both are those of one worker, of which there were `workers`. `tls_ns_per_byte`
    is of AES-256-GCM. `fitted` went into the fit, `checked` did not, and `bounded` must cost less
    than foretold.
    """

    measured_at: str
    rounds: int
    workers: int
    machine: Machine
    work: Mapping[str, Mapping[str, Line]]
    idle_cores: Mapping[str, float]
    projection: Projection
    tls_ns_per_byte: float
    bytes: Bytes
    memory_bytes: Mapping[str, int]
    fitted: Sequence[Point]
    checked: Sequence[Point]
    bounded: Sequence[Point]

    def line(self, work: str, part: str) -> Line:
        """Return the cost of a work on a part, nothing where it was never seen to cost."""
        return self.work.get(work, {}).get(part, Line())

    def processes(self, part: str) -> int:
        return self.workers if part == GATEWAY else 1

    def idle(self, part: str) -> float:
        """Return the cores that all processes of a part use without load."""
        return self.idle_cores.get(part, 0.0) * self.processes(part)


def read(path: Path = KEPT) -> Costs:
    """Return kept costs; raises OSError and msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=Costs)


def write(costs: Costs, path: Path) -> None:
    text = msgspec.json.format(msgspec.json.encode(costs), indent=1).decode()
    path.write_text(text + "\n", encoding="utf-8")
