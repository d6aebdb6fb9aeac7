"""Batches of a file on their way to the exchange."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from shuyuan_client.batching import Batch
from shuyuan_client.cli.putting_back import StoredEarlier
from shuyuan_client.cli.refusing import Refusals
from shuyuan_client.failures import Failure
from shuyuan_client.http import ExchangeClient, Json, Refused

# A batch that was stored by leaving records out answers so to a try that leaves none out.
MAY_HAVE_KEPT = frozenset({"validation_failed", "malformed_json", "idempotency_key_reused"})


class Op(StrEnum):
    UPSERT = "upsert"
    DELETE = "delete"


class OnInvalid(StrEnum):
    REJECT = "reject"
    QUARANTINE = "quarantine"


@dataclass(slots=True)
class Tally:
    """What became of the records of a file so far."""

    accepted: int = 0
    replayed: int = 0
    kept: int = 0
    # Of those that were stored earlier: written again, or not what the exchange holds now.
    put_back: int = 0
    changed: int = 0
    is_unsure: bool = False


class Stopped(Failure):
    """Records of a batch were refused, and nothing more was sent."""


class Sender:
    """Publishes batch after batch, in the order of the file."""

    def __init__(
        self,
        client: ExchangeClient,
        resource_id: str,
        op: Op,
        refusals: Refusals,
        *,
        go_on: bool = False,
        quarantine: bool = False,
        replacement: str | None = None,
    ) -> None:
        self._client, self._resource_id, self._op = client, resource_id, op
        self._refusals, self._go_on, self._quarantine = refusals, go_on, quarantine
        self._replacement = replacement
        self.tally = Tally()
        # Notes what was stored and when, where somebody will ask.
        self.earlier: StoredEarlier | None = None

    def send_all(self, batches: Iterable[Batch]) -> None:
        """Publish everything; raises Failure at the first refusal unless told to go on."""
        for batch in batches:
            self._send(batch)
            self._refusals.meter.moved(0, batch.records[-1].end)

    def _send(self, batch: Batch) -> None:
        while batch.records:
            try:
                receipt, replayed = self._publish(batch)
            except Refused as refusal:
                batch = batch.without(self._refused(batch, refusal))
            else:
                self._count(int(receipt["accepted"]), replayed=replayed)
                left_out = self._tell_kept(batch, receipt)
                if self.earlier is not None:
                    self.earlier.add(batch, receipt, left_out, replayed=replayed)
                return

    def _publish(self, batch: Batch) -> tuple[Json, bool]:
        """Ask for all of a batch first: its key then stands for what an earlier run asked for."""
        publish = partial(
            self._client.publish,
            self._resource_id,
            batch.body,
            key=batch.key,
            op=self._op,
            replacement=self._replacement,
        )
        try:
            return publish()
        except Refused as refusal:
            if not (self._quarantine and refusal.code in MAY_HAVE_KEPT):
                raise
            return publish(on_invalid=OnInvalid.QUARANTINE)

    def _tell_kept(self, batch: Batch, receipt: Json) -> set[int]:
        """Tell what the exchange keeps in quarantine, and return its places in the batch."""
        rejected = int(receipt["rejected"])
        self.tally.kept += rejected
        told = self._refusals.errors(batch, receipt["errors"])
        kept_places = set(told)
        # A receipt tells the first errors only; what it leaves out, the quarantine tells.
        if len(told) < rejected:
            for kept in self._client.quarantine(self._resource_id, str(receipt["receipt_id"])):
                kept_places.add(kept.index)
                if kept.index not in told and self._refusals.book is not None:
                    self._refusals.errors(
                        batch, ({**error, "index": kept.index} for error in kept.errors)
                    )
        return kept_places

    def _count(self, accepted: int, *, replayed: bool) -> None:
        self.tally.accepted += accepted
        self.tally.replayed += accepted if replayed else 0
        self._refusals.meter.moved(accepted)

    def _refused(self, batch: Batch, refusal: Refused) -> set[int]:
        """Report the invalid records of a batch and return their indexes."""
        errors = [error for error in refusal.errors if error.get("index") is not None]
        if refusal.code != "validation_failed" or not errors:
            raise refusal
        indexes = self._refusals.errors(batch, errors)
        self._refusals.count += len(indexes)
        if not self._go_on:
            raise self._stopped(refusal, len(errors))
        return indexes

    def _stopped(self, refusal: Refused, told: int) -> Stopped:
        count = refusal.problem.get("error_count", told)
        return Stopped(
            f"这一批有 {count} 处错误，整批未入库；此前 {self.tally.accepted} 条已入库。"
            "更正文件后重复同一命令，已入库的不会重复；或用 --continue 跳过无效记录。",
            f"{count} errors: this batch was not stored, the {self.tally.accepted} records before "
            "it were. Correct the file and repeat the command, or skip them with --continue.",
        )
