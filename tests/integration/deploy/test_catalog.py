"""What PostgreSQL's own catalogue says of every table: keys, their indexes, states (I16)."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping

import asyncpg
import pytest

from auth.delegations.states import State as DelegationState
from auth.states import State as AccountState
from catalog.deadline_tables import Kind as DeadlineKind
from catalog.entries import OpenType, ShareMode, ShareType
from catalog.states import SourceStatus
from catalog.states import State as EntryState
from deploy.local.stack import Endpoints
from deploy.migrations.models import metadata
from exchange.applications.states import State as ApplicationState
from exchange.corrections.states import State as CorrectionState
from exchange.delivery.files.states import State as FileState
from exchange.delivery.push.deliveries import Status as DeliveryStatus
from exchange.delivery.push.states import State as EndpointState
from exchange.demands.states import State as DemandState
from exchange.disposals.states import State as DisposalState
from exchange.disputes.states import Kind as DisputeKind
from exchange.disputes.states import State as DisputeState
from exchange.modes import Live
from exchange.orders.states import State as OrderState
from exchange.replacements.states import State as ReplacementState
from exchange.subscriptions.states import State as SubscriptionState
from kernel.jobs import Status as JobStatus

# A state that is reckoned and never written is taken off.
CHOICES: Mapping[str, Iterable[str]] = {
    "auth.client.status": AccountState,
    "auth.delegation.status": set(DelegationState) - {DelegationState.EXPIRED},
    "auth.department.status": ("active", "abolished"),
    "auth.device_code.status": ("pending", "approved", "denied", "used"),
    "auth.person.status": AccountState,
    "catalog.deadline.kind": DeadlineKind,
    "catalog.resource.status": EntryState,
    "catalog.resource_version.open_type": OpenType,
    "catalog.resource_version.share_type": ShareType,
    "catalog.resource_version.state": EntryState,
    "catalog.source.status": SourceStatus,
    "exchange.application.mode": ShareMode,
    "exchange.application.status": ApplicationState,
    "exchange.correction.status": CorrectionState,
    "exchange.demand.status": DemandState,
    "exchange.department_change.status": ("planned", "done", "cancelled", "failed"),
    "exchange.disposal.status": set(DisposalState) - {DisposalState.DUE},
    "exchange.dispute.kind": DisputeKind,
    "exchange.dispute.status": DisputeState,
    "exchange.live_resource.kind": Live,
    "exchange.provided_file.status": FileState,
    "exchange.push_delivery.status": DeliveryStatus,
    "exchange.push_endpoint.status": EndpointState,
    "exchange.replacement.status": ReplacementState,
    "exchange.subscription.mode": ShareMode,
    "exchange.subscription.status": SubscriptionState,
    "exchange.supervision_order.status": OrderState,
    "kernel.job.status": JobStatus,
}
# Whatever holds one of few words has one of these names.
STATES = """
SELECT table_schema || '.' || table_name || '.' || column_name
FROM information_schema.columns
WHERE table_schema IN ('kernel', 'auth', 'catalog', 'exchange')
    AND data_type IN ('character varying', 'text')
    AND column_name IN ('status', 'state', 'mode', 'share_type', 'open_type')
"""
CHECKS = """
SELECT conrelid::regclass::text AS "table", pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE contype = 'c' AND cardinality(conkey) = 1
    AND connamespace::regnamespace::text IN ('kernel', 'auth', 'catalog', 'exchange')
"""
KEYS = """
SELECT namespace.nspname || '.' || class.relname AS "table", key.conname,
    array(
        SELECT attname::text FROM unnest(key.conkey) WITH ORDINALITY AS part (number, nth)
        JOIN pg_attribute ON attrelid = key.conrelid AND attnum = part.number ORDER BY nth
    ) AS columns,
    EXISTS (
        SELECT FROM pg_index WHERE indrelid = key.conrelid AND indisvalid
            AND (indkey::int2[])[0:cardinality(key.conkey) - 1] @> key.conkey
            AND (indpred IS NULL OR pg_get_expr(indpred, indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$')
    ) AS indexed
FROM pg_constraint AS key JOIN pg_class AS class ON class.oid = key.conrelid
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE key.contype = 'f' AND namespace.nspname IN ('kernel', 'auth', 'catalog', 'exchange')
"""


@pytest.fixture
async def catalogue(endpoints: Endpoints) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(endpoints.database_url)
    yield connection
    await connection.close()


async def test_every_foreign_key_has_the_name_of_its_model_and_an_index(
    catalogue: asyncpg.Connection,
) -> None:
    """A later migration finds it by its name; a delete of what it points to by its index."""
    keys = await catalogue.fetch(KEYS)
    assert keys
    names = {(key["table"], key["conname"]) for key in keys}
    modelled = {
        (table.fullname, key.name)
        for table in metadata.sorted_tables
        for key in table.foreign_key_constraints
    }
    assert names == modelled
    assert [(key["table"], key["columns"]) for key in keys if not key["indexed"]] == []


async def test_every_state_is_one_that_its_states_name(catalogue: asyncpg.Connection) -> None:
    """A word that no state table knows would be a row that nothing ever moves again."""
    columns = {row[0] for row in await catalogue.fetch(STATES)}
    assert columns <= set(CHOICES)
    checked = dict(_choices(row) for row in await catalogue.fetch(CHECKS) if " = ANY " in row[1])
    wrong = {
        column: (checked.get(column), set(choices))
        for column, choices in CHOICES.items()
        if checked.get(column) != set(map(str, choices))
    }
    assert wrong == {}


def _choices(check: asyncpg.Record) -> tuple[str, set[str]]:
    """Return the column of a check of one column, and the words that it lets pass."""
    [column, *_rest] = re.findall(r"\(+(\w+)", check["definition"])
    return f"{check['table']}.{column}", set(re.findall(r"'([^']*)'", check["definition"]))
