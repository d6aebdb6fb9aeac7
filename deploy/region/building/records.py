"""Each system publishes its records, in batches that are taken once however often they are sent."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice

from deploy.demo import proof
from deploy.demo.stage import Json
from deploy.region.building.crowd import Crowd
from deploy.region.building.stage import Stage
from deploy.region.records.cast import Cast
from deploy.region.records.making import Record, records
from deploy.region.region import DIVISION, Pair, Resource
from shuyuan_client.cli.progress import Meter
from shuyuan_client.cli.replacing import Replacing
from shuyuan_client.failures import Failure
from shuyuan_client.http import Page

BATCH = 2_000
# Other records may leave none of the old keys.
ANY_NUMBER = 1_000_000


class _Quiet(Meter):
    """Says nothing of each resource: the build tells its steps."""

    def say(self, *_said: str) -> None:
        pass


def publish(stage: Stage, crowd: Crowd, cast: Cast) -> int:
    """Let every system that provides publish its records; return how many there are."""
    mounted = [each for each in stage.region.resources.values() if each.records]
    crowd.each(mounted, lambda it: _publish(stage, it, cast))
    return sum(each.records for each in mounted)


def _publish(stage: Stage, resource: Resource, cast: Cast) -> None:
    name = f"published {resource.system.id}"
    resource_id = stage.resource_id(resource.system.id)
    known, said = stage.notes.get(name) or {}, resource.records_print
    if known.get("resource") != resource_id:
        # Noted before: of a run that broke off and has other files by then, nothing may stay.
        known = {"resource": resource_id, "records": 0, "begun": said}
        stage.notes.note(name, known)
    if known.get("print") == said:
        return
    if known.get("begun") == said:
        taken = _send(stage, resource, cast)
    else:
        taken = _replace(stage, resource, cast)
    stage.notes.note(name, {"resource": resource_id, "records": taken, "print": said})


def _send(stage: Stage, resource: Resource, cast: Cast, replacement: str | None = None) -> int:
    """Publish all records; return how many were accepted."""
    client, taken = stage.system(resource.system.id), 0
    for body in _batches(records(resource, cast)):
        # Named by its content: a run that broke off sends it again, and it is taken once.
        key = f"region {replacement or ''} {hashlib.sha256(body).hexdigest()}"
        receipt, _again = client.publish(
            stage.resource_id(resource.system.id), body, key=key, replacement=replacement
        )
        taken += receipt["accepted"]
    return taken


def _replace(stage: Stage, resource: Resource, cast: Cast) -> int:
    """Publish other records in the place of those that stand; what is gone is deleted (ADR 0041).

    Known by the records: a run that broke off goes on with it.
    """
    client, resource_id = stage.system(resource.system.id), stage.resource_id(resource.system.id)
    replacing = Replacing(client, resource_id, _Quiet(resource.name))
    name = f"region {resource.records_print}"
    try:
        replacing.begin(name, restart=False)
    except Failure:
        # A run with still other files has left one open: it loads what nobody wants any more.
        replacing.begin(name, restart=True)
    taken = _send(stage, resource, cast, replacing.id)
    replacing.finish(ANY_NUMBER)
    return taken


def _batches(made: Iterator[Record]) -> Iterator[bytes]:
    while some := [*islice(made, BATCH)]:
        yield "\n".join(map(proof.line_of, some)).encode()


def _shown_items(resource: Resource) -> list[str]:
    """The items that both sides see alike: those without a mask in any version."""
    return [item.name for item in resource.items if item.shown]


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


def latest(pages: Iterable[Page]) -> list[Json]:
    """The last state of each key that pages tell, without what was deleted."""
    last = {line.key: line.data for page in pages for line in page.records()}
    return [data for data in last.values() if data is not None]


def received(pair: Pair, arrived: Iterable[proof.Record]) -> list[proof.Record]:
    """What came, of the items that both see alike."""
    return proof.only(arrived, _shown_items(pair.resource))
