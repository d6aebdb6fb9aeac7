"""Each system publishes its records, in batches that are taken once however often they are sent."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deploy.region.building.crowd import Crowd
from deploy.region.building.stage import Stage
from deploy.region.records.cast import Cast
from deploy.region.records.making import Record, records
from deploy.region.region import DIVISION, Pair, Resource

BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Batch:
    body: bytes
    count: int

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
        lines.append(line_of(record))
        if len(lines) == BATCH:
            yield Batch("\n".join(lines).encode(), len(lines))
            lines = []
    if lines:
        yield Batch("\n".join(lines).encode(), len(lines))


def line_of(record: Mapping[str, object]) -> str:
    """One record in the one form that digests are made of."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(lines: Sequence[str]) -> str:
    """SHA-256 of records, whatever their order."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def shown_items(resource: Resource) -> tuple[str, ...]:
    """The items that both sides see alike: those without a mask."""
    return tuple(item.name for item in resource.items if item.mask is None)


def expected(pair: Pair, cast: Cast) -> list[str]:
    """What the provider knows that the consumer is to receive, of the items that both see alike."""
    conditions = pair.row_filter
    prefix = conditions[0]["value"] if conditions else ""
    items = shown_items(pair.resource)
    return [
        line_of({item: record[item] for item in items})
        for record in records(pair.resource, cast)
        if not prefix or record[DIVISION].startswith(prefix)
    ]


def received(pair: Pair, arrived: Sequence[Mapping[str, object]]) -> list[str]:
    """What came, of the items that both see alike."""
    items = shown_items(pair.resource)
    return [line_of({item: each[item] for item in items if item in each}) for each in arrived]
