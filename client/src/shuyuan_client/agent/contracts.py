"""What the exchange tells of the records of a job, where the client may read the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass

from shuyuan_client.agent.config import Pull, Push
from shuyuan_client.agent.databases import Database, Kind
from shuyuan_client.agent.values import kind_of
from shuyuan_client.failures import Failure
from shuyuan_client.http import ExchangeClient
from shuyuan_client.refusals import Json, NotAllowed


@dataclass(frozen=True, slots=True)
class Contract:
    """Items with their kinds; `required` ones are never absent, `key` are in the key's order.

    A masked item is text, whatever it is of.
    """

    kinds: Mapping[str, Kind]
    required: frozenset[str]
    key: tuple[str, ...]
    masked: frozenset[str] = frozenset()


def of_pull(client: ExchangeClient, job: Pull) -> Contract | None:
    """Return what a subscription shows, None where the client may not read the catalogue."""
    try:
        granted = client.ask("GET", f"/v1/subscriptions/{job.subscription}")
        schema = client.ask("GET", f"/v1/resources/{granted['resource_id']}/schema")
    except NotAllowed:
        return None
    items = frozenset(granted["items"])
    # Masks have null where there is none.
    masked = frozenset(name for name, mask in granted["masks"].items() if mask)
    whole = _contract(schema)
    kinds = {name: whole.kinds[name] for name in granted["items"] if name in whole.kinds}
    kinds.update(dict.fromkeys(masked, "text"))
    return Contract(kinds, whole.required & items, whole.key, masked)


def of_push(client: ExchangeClient, job: Push) -> Contract | None:
    """Return the contract of a resource, None where the client may not read the catalogue."""
    try:
        return _contract(client.ask("GET", f"/v1/resources/{job.resource}/schema"))
    except NotAllowed:
        return None


def columns_of_pull(client: ExchangeClient, job: Pull) -> dict[str, str]:
    """Return column by item; raises Failure where nobody tells the items."""
    if job.columns:
        return dict(job.columns)
    contract = of_pull(client, job)
    if contract is None:
        raise _unknown(job.name)
    return {item: item for item in contract.kinds}


def columns_of_push(job: Push, contract: Contract | None, database: Database) -> dict[str, str]:
    """Return column by item; an item that may be absent needs no column. Raises Failure."""
    if job.columns:
        return dict(job.columns)
    if contract is None:
        raise _unknown(job.name)
    known = database.columns(job.table)
    return {item: item for item in contract.kinds if item in known or item in contract.required}


def _contract(schema: Json) -> Contract:
    items = schema["properties"]
    return Contract(
        {name: kind_of(item) for name, item in items.items()},
        frozenset(schema["required"]),
        tuple(schema["x-key"]),
    )


def _unknown(job: str) -> Failure:
    return Failure(
        f"任务 {job}：应用系统没有 catalog:read 权限，请在 columns 中逐项列出列名。",
        f"The job {job}: the client has no catalog:read; name the items and columns in columns.",
    )
