"""Whether a version may be submitted or published, by all rules of entries at once."""

from collections.abc import Sequence
from datetime import date

from catalog import references, versions
from catalog.contracts.compile import compiling
from catalog.contracts.model import Contract
from catalog.entries import Item
from catalog.rules.entries import key_errors, review_errors
from catalog.rules.protection import Nature, protection_errors, review_dates
from catalog.store import elements as element_store
from catalog.store import resources as store
from catalog.visibility import Shown
from kernel.database import ReadSession
from kernel.errors import FieldError, FieldErrors
from kernel.turns import unhurried


async def contract(session: ReadSession, shown: Shown, *known: FieldError, on: date) -> Contract:
    """Return the contract of a version that may be submitted or published; raises Invalid."""
    row = shown.version
    items = [Item.of(stored) for stored in row.items]
    before = await store.get(session, row.resource_id, shown.resource.published_version or 0)
    errors = [
        *known,
        *([] if before is None else key_errors(items, [Item.of(each) for each in before.items])),
        *review_errors(row.reviews),
        *review_dates(row.reviews, on),
        *protection_errors(row.grade, row.open_type, items, await _natures(session, items)),
        *await references.errors(session, shown.resource, row.region_code, items),
    ]
    FieldErrors(errors).raise_if_any()
    contract = await versions.build(session, row, on=on)
    await unhurried(compiling(contract))
    return contract


async def _natures(session: ReadSession, items: Sequence[Item]) -> dict[str, Nature]:
    elements = await element_store.by_code(session, {item.element for item in items})
    return {code: Nature(each.sensitivity, each.personal) for code, each in elements.items()}
