"""Every record of a file checked as publishing would, and nothing stored."""

from collections.abc import Iterable

from shuyuan_client.batching import Batch
from shuyuan_client.cli.refusing import Refusals, RowsRefused
from shuyuan_client.http import ExchangeClient

AT_ONCE = 1_000
NDJSON = {"Content-Type": "application/x-ndjson"}


def check(
    client: ExchangeClient, resource: str, batches: Iterable[Batch], refusals: Refusals
) -> int:
    """Return how many records there are; raises RowsRefused once all were looked at."""
    valid = sum(_valid(client, resource, batch, refusals) for batch in batches)
    invalid = refusals.count
    if invalid:
        raise RowsRefused(
            f"{valid + invalid:,} 条中有 {invalid:,} 条无效；没有提交任何记录。",
            f"{invalid:,} of {valid + invalid:,} records are invalid; nothing was published.",
        )
    return valid


def _valid(client: ExchangeClient, resource: str, batch: Batch, refusals: Refusals) -> int:
    """Return how many records of a batch are valid; the others are refused by name.

    An answer names the first errors only: what is left is asked about again.
    """
    while batch.records:
        found = client.send(
            "POST", f"/v1/resources/{resource}/validate", content=batch.body, headers=NDJSON
        ).json()
        if not found["invalid"]:
            return len(batch.records)
        named = refusals.errors(batch, found["errors"])
        refusals.count += len(named)
        batch = batch.without(named)
    return 0
