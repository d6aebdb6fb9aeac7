"""Grants over one version of a contract, to time what they show."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.contracts.model import Contract
from catalog.contracts.published import RecordItem, RecordVersion
from exchange.delivery.projection.projection import Projection
from exchange.delivery.projection.views import Terms
from exchange.subscriptions.conditions import Condition


def projection_of(
    contract: Contract,
    items: Sequence[str],
    masks: Mapping[str, Mapping[str, Any]],
    conditions: Sequence[Condition] = (),
) -> Projection:
    """A grant of these items, whose elements are named after them."""
    fields = [RecordItem(f.name, f.data_type, f.key, f.name) for f in contract.fields]
    return Projection(
        Terms(
            items=tuple(items),
            elements={item: item for item in items},
            masks=masks,
            unmasked=frozenset(),
            conditions=tuple(conditions),
            agreed=contract.version,
            versions={contract.version: RecordVersion(contract.version, tuple(fields))},
            in_force=contract.version,
            hash_key=secrets.token_bytes(32),
        )
    )
