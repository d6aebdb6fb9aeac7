"""Each system publishes its records, in batches that are taken once however often they are sent."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deploy.demo import proof
from deploy.region.building.crowd import Crowd
from deploy.region.building.stage import Stage
from deploy.region.records.cast import Cast
from deploy.region.records.making import Record, records
from deploy.region.region import DIVISION, Pair, Resource

BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Batch:
    body: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def publish(stage: Stage, crowd: Crowd, cast: Cast) -> int:
    """Let every system that provides publish its records; return how many there are."""
    mounted = [each for each in stage.region.resources.values() if each.records]
    crowd.each(mounted, lambda it: _publish(stage, it, cast))
    return sum(each.records for each in mounted)


def _publish(stage: Stage, resource: Resource, cast: Cast) -> None:
    name = f"published {resource.system.id}"
    resource_id = stage.resource_id(resource.system.id)
    known = stage.notes.get(name) or {}
    if (known.get("resource"), known.get("print")) == (resource_id, resource.records_print):
        return
    taken = 0
    for batch in _batches(records(resource, cast)):
        # Named by its content: a run that broke off sends it again, and it is taken once.
        client = stage.system(resource.system.id)
        receipt, _again = client.publish(resource_id, batch.body, key=f"region {batch.digest}")
        taken += receipt["accepted"]
    stage.notes.note(name, _published(resource_id, taken, resource))


def _published(resource_id: str, taken: int, resource: Resource) -> dict[str, str | int]:
    return {"resource": resource_id, "records": taken, "print": resource.records_print}


def _batches(made: Iterator[Record]) -> Iterator[Batch]:
    lines: list[str] = []
    for record in made:
        lines.append(proof.line_of(record))
        if len(lines) == BATCH:
            yield Batch("\n".join(lines).encode())
            lines = []
    if lines:
        yield Batch("\n".join(lines).encode())


def _shown_items(resource: Resource) -> list[str]:
    """The items that both sides see alike: those without a mask."""
    return [item.name for item in resource.items if item.mask is None]


def granted(pair: Pair, cast: Cast) -> Iterator[Record]:
    """Yield the records that the consumer is to receive: those that its row filter lets pass."""
    conditions = pair.row_filter
    prefix = conditions[0]["value"] if conditions else ""
    return (
        record
        for record in records(pair.resource, cast)
        if not prefix or record[DIVISION].startswith(prefix)
    )


def expected(pair: Pair, cast: Cast) -> list[proof.Record]:
    """What the provider knows that the consumer is to receive, of the items that both see alike."""
    return proof.only(granted(pair, cast), _shown_items(pair.resource))


def received(pair: Pair, arrived: Iterable[proof.Record]) -> list[proof.Record]:
    """What came, of the items that both see alike."""
    return proof.only(arrived, _shown_items(pair.resource))
