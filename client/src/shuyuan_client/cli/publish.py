"""`shuyuan publish`: a file into a resource, safe to repeat."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from shuyuan_client import batching, record_files
from shuyuan_client.batching import Batch
from shuyuan_client.cells import Conversions
from shuyuan_client.cli.explaining import explained
from shuyuan_client.cli.profile import BaseUrl, ClientId, ClientSecret, ProfileFile, connect
from shuyuan_client.cli.progress import Meter
from shuyuan_client.failures import EXIT_FAILED, Failure, unusable_file
from shuyuan_client.http import ExchangeClient, Json, Refused
from shuyuan_client.record_files import TABLES, Format, Record
from shuyuan_client.wording import say

BATCH_DEFAULT, BATCH_MAX = 500, 10_000
FORBIDDEN = 403
CHECKED_AT_ONCE = 1_000
NDJSON = {"Content-Type": "application/x-ndjson"}
ZONE = re.compile(r"Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9]", re.ASCII)


class Op(StrEnum):
    UPSERT = "upsert"
    DELETE = "delete"


@dataclass(slots=True)
class Tally:
    """What became of the records of a file so far."""

    accepted: int = 0
    replayed: int = 0
    refused: int = 0
    kept: int = 0


class OnInvalid(StrEnum):
    REJECT = "reject"
    QUARANTINE = "quarantine"


# A batch that was stored by leaving records out answers so to a try that leaves none out.
MAY_HAVE_KEPT = frozenset({"validation_failed", "malformed_json", "idempotency_key_reused"})


class Sender:
    """Publishes batch after batch, in the order of the file."""

    def __init__(
        self,
        client: ExchangeClient,
        resource_id: str,
        op: Op,
        meter: Meter,
        *,
        go_on: bool = False,
        quarantine: bool = False,
    ) -> None:
        self._client, self._resource_id, self._op = client, resource_id, op
        self._meter, self._go_on, self._quarantine = meter, go_on, quarantine
        self.tally = Tally()

    def send_all(self, batches: Iterable[Batch]) -> None:
        """Publish everything; raises Failure at the first refusal unless told to go on."""
        for batch in batches:
            self._send(batch)
            self._meter.moved(0, batch.records[-1].end)

    def _send(self, batch: Batch) -> None:
        while batch.records:
            try:
                receipt, replayed = self._publish(batch)
            except Refused as refusal:
                batch = batch.without(self._refused(batch, refusal))
            else:
                self._count(int(receipt["accepted"]), replayed=replayed)
                self._tell_kept(batch, receipt)
                return

    def _publish(self, batch: Batch) -> tuple[Json, bool]:
        """Ask for all of a batch first: its key then stands for what an earlier run asked for."""
        publish = partial(
            self._client.publish, self._resource_id, batch.body, key=batch.key, op=self._op
        )
        try:
            return publish()
        except Refused as refusal:
            if not (self._quarantine and refusal.code in MAY_HAVE_KEPT):
                raise
            return publish(on_invalid=OnInvalid.QUARANTINE)

    def _tell_kept(self, batch: Batch, receipt: Json) -> None:
        self.tally.kept += int(receipt["rejected"])
        self._name(batch, receipt["errors"])

    def _count(self, accepted: int, *, replayed: bool) -> None:
        self.tally.accepted += accepted
        self.tally.replayed += accepted if replayed else 0
        self._meter.moved(accepted)

    def _refused(self, batch: Batch, refusal: Refused) -> set[int]:
        """Report the invalid records of a batch and return their indexes."""
        errors = [error for error in refusal.errors if error.get("index") is not None]
        if refusal.code != "validation_failed" or not errors:
            raise refusal
        self._name(batch, errors)
        indexes = {error["index"] for error in errors}
        self.tally.refused += len(indexes)
        if not self._go_on:
            raise self._stopped(refusal, len(errors))
        return indexes

    def _name(self, batch: Batch, errors: Iterable[Json]) -> None:
        for error in errors:
            line = batch.records[error["index"]].line
            self._meter.say(
                f"第 {line} 行  {error['path']}：{error['message']} [{error['code']}]",
                f"line {line}  {error['path']}: {error['message']} [{error['code']}]",
            )

    def _stopped(self, refusal: Refused, told: int) -> Failure:
        count = refusal.problem.get("error_count", told)
        return Failure(
            f"这一批有 {count} 处错误，整批未入库；此前 {self.tally.accepted} 条已入库。"
            "更正文件后重复同一命令，已入库的不会重复；或用 --continue 跳过无效记录。",
            f"{count} errors: this batch was not stored, the {self.tally.accepted} records before "
            "it were. Correct the file and repeat the command, or skip them with --continue.",
        )


def publish(  # noqa: PLR0913 - an option is a parameter
    file: Annotated[Path, typer.Argument(help=say("记录文件", "file with records"))],
    resource: Annotated[str, typer.Option("--resource", help=say("资源标识", "resource id"))],
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    op: Annotated[Op, typer.Option(help=say("写入或删除", "put or delete"))] = Op.UPSERT,
    kind: Annotated[
        Format | None, typer.Option("--format", help=say("缺省看扩展名", "by the suffix"))
    ] = None,
    encoding: Annotated[str, typer.Option(help=say("CSV 的编码", "encoding of CSV"))] = "utf-8",
    batch: Annotated[
        int, typer.Option(min=1, max=BATCH_MAX, help=say("每批条数", "records a batch"))
    ] = BATCH_DEFAULT,
    run: Annotated[
        str,
        typer.Option(
            help=say(
                "本次提交的名称；七日内以新名称才能再次提交同一文件",
                "name of the run; within 7 days a file is stored anew only under another name",
            )
        ),
    ] = "",
    go_on: Annotated[
        bool, typer.Option("--continue", help=say("跳过无效记录", "skip invalid records"))
    ] = False,
    on_invalid: Annotated[
        OnInvalid,
        typer.Option(
            help=say(
                "无效记录：整批拒绝，或存入隔离区待更正",
                "invalid records: refuse the batch, or keep them in quarantine",
            )
        ),
    ] = OnInvalid.REJECT,
    zone: Annotated[
        str,
        typer.Option(
            "--timezone",
            help=say("表格中不带时区的时间所在的时区", "zone of times in tables that name none"),
        ),
    ] = "+08:00",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help=say("只检查，不提交", "only look, publish nothing")),
    ] = False,
) -> None:
    """把文件中的记录提交到资源，可安全重复 / publish the records of a file; safe to repeat."""
    with (
        explained(),
        Meter(file.name, _size(file)) as meter,
        connect(profile, base_url, client_id, client_secret, meter) as client,
    ):
        kind = kind or record_files.format_of(file)
        schema = _schema(client, resource, needed=kind in TABLES)
        _require_zone(zone)
        in_any_order = _look_through(file, kind, encoding, schema, zone, meter)
        records = _records(file, kind, encoding, schema, zone)
        if dry_run:
            _check(client, resource, records, meter)
            return
        quarantine = on_invalid is OnInvalid.QUARANTINE
        sender = Sender(client, resource, op, meter, go_on=go_on, quarantine=quarantine)
        named = f"{resource} {op} {run}"
        sender.send_all(batching.batches(records, batch, named, in_any_order=in_any_order))
    _conclude(sender.tally, meter, resource)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise unusable_file(str(file), error) from error


def _schema(client: ExchangeClient, resource: str, *, needed: bool) -> record_files.Schema:
    """Return the contract, which alone says which column of a table is a number; else nothing."""
    try:
        return client.ask("GET", f"/v1/resources/{resource}/schema")
    except Refused as refusal:
        if not needed:
            return {}
        if refusal.status == FORBIDDEN:
            raise Failure(
                "表格须先读取数据契约，而应用系统没有 catalog:read；请增加该权限或改用 NDJSON。",
                "Tables need the contract, and the client lacks catalog:read; add it or use "
                "NDJSON.",
            ) from refusal
        raise


def _require_zone(zone: str) -> None:
    if ZONE.fullmatch(zone) is None:
        raise Failure(f"时区应如 +08:00 或 Z：{zone}", f"A zone is written as +08:00 or Z: {zone}")


def _records(
    file: Path,
    kind: Format,
    encoding: str,
    schema: record_files.Schema,
    zone: str,
    told: Conversions | None = None,
) -> Iterator[Record]:
    told = told or Conversions(zone)
    return record_files.read(file, kind, encoding=encoding, schema=schema, told=told)


def _look_through(
    file: Path, kind: Format, encoding: str, schema: record_files.Schema, zone: str, meter: Meter
) -> bool:
    """Look through the whole file, and tell what is converted before anything is sent.

    Return whether no key stands twice. What can be read but once, such as a pipe, is not looked
    through.
    """
    if not file.is_file():
        return False
    told, key = Conversions(zone), schema.get("x-key", ())
    batching.survey(_records(file, kind, encoding, schema, zone, told), key)
    for sentence in told.sentences():
        meter.say(sentence, sentence)
    return bool(key)


def _check(client: ExchangeClient, resource: str, records: Iterator[Record], meter: Meter) -> None:
    """Have the exchange check every record, and name what is wrong; store nothing."""
    count = invalid = 0
    for batch in batching.batches(records, CHECKED_AT_ONCE, resource):
        count += len(batch.records)
        found = client.send(
            "POST", f"/v1/resources/{resource}/validate", content=batch.body, headers=NDJSON
        ).json()
        for error in found["errors"]:
            line = batch.records[error["index"]].line
            meter.say(
                f"第 {line} 行  {error['path']}：{error['message']} [{error['code']}]",
                f"line {line}  {error['path']}: {error['message']} [{error['code']}]",
            )
        invalid += int(found["invalid"])
    if invalid:
        raise Failure(
            f"{count:,} 条中有 {invalid:,} 条无效；没有提交任何记录。",
            f"{invalid:,} of {count:,} records are invalid; nothing was published.",
        )
    typer.echo(
        say(f"✓ {count:,} 条全部有效，没有提交", f"✓ all {count:,} valid, nothing published")
    )


def _conclude(tally: Tally, meter: Meter, resource: str) -> None:
    typer.echo(
        say(
            f"✓ 已入库 {tally.accepted:,} 条，用时 {meter.seconds:.1f} 秒，{meter.rate:,.0f} 条/秒",
            f"✓ {tally.accepted:,} records stored in {meter.seconds:.1f} s, {meter.rate:,.0f}/s",
        )
    )
    if tally.replayed:
        typer.echo(
            say(
                f"  其中 {tally.replayed:,} 条此前已入库，未重复写入；要再次写入请换 --run 名称",
                f"  {tally.replayed:,} of them earlier, and not again: name another --run for that",
            )
        )
    if tally.kept:
        command = f"shuyuan quarantine list --resource {resource}"
        typer.echo(
            say(
                f"✗ {tally.kept:,} 条无效，已存入隔离区：{command}",
                f"✗ {tally.kept:,} invalid, kept in quarantine: {command}",
            ),
            err=True,
        )
    if tally.refused:
        typer.echo(
            say(f"✗ {tally.refused:,} 条无效，未入库", f"✗ {tally.refused:,} invalid, not stored"),
            err=True,
        )
    if tally.refused or tally.kept:
        raise typer.Exit(EXIT_FAILED)
