"""What everybody is shown of an open entry: all items, under the entry's own masks."""

from typing import NamedTuple

from catalog import versions
from exchange.delivery.projection.projection import Projection
from exchange.delivery.projection.views import Terms
from exchange.delivery.snapshots.writing import View
from kernel.database import ReadSession
from kernel.secretbox import Secretbox


class OpenView(NamedTuple):
    """The view, and the version in force that it is of."""

    view: View
    version: int


async def open_view(session: ReadSession, box: Secretbox, resource_id: str) -> OpenView:
    """Return the view of a published entry; raises NotFound, ResourceNotPublished."""
    number = (await versions.contract_of(session, resource_id, None)).version
    known = (await versions.record_versions(session, [resource_id]))[resource_id]
    items = known[number].items
    terms = Terms(
        items=tuple(item.name for item in items),
        elements={item.name: item.element for item in items},
        masks={item.name: item.mask for item in items if item.mask is not None},
        unmasked=frozenset(),
        conditions=(),
        agreed=number,
        versions=known,
        in_force=number,
        hash_key=box.derive(f"open:{resource_id}"),
    )
    return OpenView(View(resource_id, terms.items, Projection(terms)), number)
