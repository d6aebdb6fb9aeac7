"""`shuyuan publish`: a file into a resource, safe to repeat."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from shuyuan_client import batching, record_files
from shuyuan_client.batching import Batch, Survey
from shuyuan_client.cli import checking
from shuyuan_client.cli.explaining import explained, note
from shuyuan_client.cli.profile import BaseUrl, ClientId, ClientSecret, ProfileFile, connect
from shuyuan_client.cli.progress import Meter
from shuyuan_client.cli.putting_back import NotComparableError, StoredEarlier, changed_since
from shuyuan_client.cli.refusing import Refusals, fault_file
from shuyuan_client.cli.replacing import Replacing, digest_of
from shuyuan_client.cli.sending import OnInvalid, Op, Sender, Tally
from shuyuan_client.cli.source import Source, require_zone, schema_of, size_of
from shuyuan_client.failures import EXIT_FAILED, Failure
from shuyuan_client.http import ExchangeClient
from shuyuan_client.record_files import Format
from shuyuan_client.wording import say

BATCH_DEFAULT, BATCH_MAX = 500, 10_000


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done with a file."""

    client: ExchangeClient
    resource: str
    source: Source
    survey: Survey | None
    refusals: Refusals
    op: Op
    run: str
    batch: int
    quarantine: bool

    def checked(self) -> int:
        """Have the exchange check everything; raises RowsRefused."""
        batches = self._batches(checking.AT_ONCE, self.resource)
        return checking.check(self.client, self.resource, batches, self.refusals)

    def sent(self, replacement: str | None = None) -> Tally:
        """Send everything; what is loaded for a replacement is another batch than ever."""
        key = () if self.survey is None else self.survey.key
        earlier = StoredEarlier(key, self.op is Op.DELETE)
        sender = Sender(
            self.client,
            self.resource,
            self.op,
            self.refusals,
            # A record that a replacement leaves out would be deleted.
            go_on=self.source.is_lenient and replacement is None,
            quarantine=self.quarantine,
            replacement=replacement,
        )
        sender.earlier = earlier
        named = f"{self.resource} {self.op} {self.run}"
        sender.send_all(
            self._batches(self.batch, named if replacement is None else f"{named} {replacement}")
        )
        if replacement is None:
            self._put_back(sender.tally, earlier)
        return sender.tally

    def _put_back(self, tally: Tally, earlier: StoredEarlier) -> None:
        """Send again what was stored earlier and changed since; a named run stores once only."""
        try:
            changed = changed_since(self.client, self.resource, earlier)
        except NotComparableError:
            tally.is_unsure = True
            return
        if not changed:
            return
        if self.run:
            tally.changed = len(changed)
            return
        sender = Sender(
            self.client, self.resource, self.op, self.refusals,
            go_on=self.source.is_lenient, quarantine=self.quarantine,
        )  # fmt: skip
        records = self.source.again(lambda record: earlier.holds(record, changed))
        # Under no key that was ever used: what was changed, put back and changed is put back again.
        named = f"{self.resource} {self.op} {uuid.uuid4().hex}"
        sender.send_all(batching.batches(records, self.batch, named, in_any_order=True))
        tally.put_back = sender.tally.accepted
        tally.replayed -= tally.put_back

    def replaced(self, max_deletes: int | None, *, restart: bool) -> tuple[Tally, int]:
        """Load everything, delete the rest; return how much of both."""
        name = f"{self.resource} {self.run} {digest_of(self.source.file)}"
        if self.survey is None or self.survey.count == 0:
            raise Failure(
                "文件中没有记录，不能用来全量替换。", "The file has no records to replace with."
            )
        if not self.quarantine:
            self.checked()
        replacing = Replacing(self.client, self.resource, self.refusals.meter)
        replacing.begin(name, restart=restart)
        with replacing.loading():
            tally = self.sent(replacing.id)
        return tally, replacing.finish(max_deletes)

    def _batches(self, size: int, named: str) -> Iterator[Batch]:
        in_any_order = self.survey is not None and bool(self.survey.key)
        records = self.source.records(self.survey, self.refusals)
        return batching.batches(records, size, named, in_any_order=in_any_order)


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
    errors: Annotated[
        Path | None,
        typer.Option(
            help=say(
                "跳过无效记录，连同错误原因写入此工作簿（.xlsx），更正后可再提交",
                "leave invalid records out, and write them with why into this workbook (.xlsx)",
            )
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help=say(
                "全量替换：载入整个文件，再删除文件中没有的记录",
                "full replacement: load the whole file, then delete what is not in it",
            ),
        ),
    ] = False,
    max_deletes: Annotated[
        int | None,
        typer.Option(
            min=0,
            help=say(
                "与 --replace 同用：最多删除的条数；缺省为现有记录的一成",
                "with --replace: delete at most so many; by default a tenth of what there is",
            ),
        ),
    ] = None,
    restart: Annotated[
        bool,
        typer.Option(
            "--restart",
            help=say(
                "与 --replace 同用：放弃尚未结束的全量替换，重新开始",
                "with --replace: give up one that is still open, and begin anew",
            ),
        ),
    ] = False,
) -> None:
    """把文件中的记录提交到资源，可安全重复 / publish the records of a file; safe to repeat."""
    quarantine = on_invalid is OnInvalid.QUARANTINE
    deleted = None
    with (
        explained(),
        fault_file(errors) as book,
        Meter(file.name, size_of(file)) as meter,
        connect(profile, base_url, client_id, client_secret, meter) as client,
    ):
        _require_sensible(
            op, replace=replace, go_on=go_on, alone=restart or max_deletes is not None
        )
        require_zone(zone)
        kind = kind or record_files.format_of(file)
        schema = schema_of(client, resource, kind)
        if book is not None:
            book.schema = schema
        # What a replacement leaves out would be deleted, and is checked before only if refused.
        lenient = (go_on or book is not None) and not (replace and quarantine)
        source = Source(file, kind, encoding, zone, schema, lenient)
        refusals = Refusals(meter, book)
        errand = Errand(
            client, resource, source, source.survey(meter), refusals, op, run, batch,
            quarantine,
        )  # fmt: skip
        if dry_run:
            count = errand.checked()
            typer.echo(
                say(
                    f"✓ {count:,} 条全部有效，没有提交",
                    f"✓ all {count:,} valid, nothing published",
                )
            )
            return
        if replace:
            tally, deleted = errand.replaced(max_deletes, restart=restart)
        else:
            tally = errand.sent()
    _conclude(tally, refusals, meter, resource, deleted)


def _require_sensible(op: Op, *, replace: bool, go_on: bool, alone: bool) -> None:
    """Raise Failure for options that do not go together."""
    if replace and (go_on or op is Op.DELETE):
        raise Failure(
            "--replace 不能与 --continue 或 --op delete 同用：跳过的记录会被当作已不存在而删除；"
            "可用 --on-invalid quarantine。",
            "--replace goes with neither --continue nor --op delete: what is left out would be "
            "deleted; --on-invalid quarantine keeps it.",
        )
    if alone and not replace:
        raise Failure(
            "--max-deletes、--restart 须与 --replace 同用。",
            "--max-deletes and --restart go with --replace.",
        )


def _conclude(
    tally: Tally, refusals: Refusals, meter: Meter, resource: str, deleted: int | None
) -> None:
    typer.echo(
        say(
            f"✓ 已入库 {tally.accepted:,} 条，用时 {meter.seconds:.1f} 秒，{meter.rate:,.0f} 条/秒",
            f"✓ {tally.accepted:,} records stored in {meter.seconds:.1f} s, {meter.rate:,.0f}/s",
        )
    )
    if deleted is not None:
        typer.echo(
            say(
                f"✓ 全量替换完成，删除未再提供的 {deleted:,} 条",
                f"✓ everything is replaced; {deleted:,} records were not provided again: deleted",
            )
        )
    _tell_of_earlier(tally)
    if tally.kept:
        command = f"shuyuan quarantine list --resource {resource}"
        typer.echo(
            say(
                f"✗ {tally.kept:,} 条无效，已存入隔离区：{command}",
                f"✗ {tally.kept:,} invalid, kept in quarantine: {command}",
            ),
            err=True,
        )
    if refusals.count:
        typer.echo(
            say(
                f"✗ {refusals.count:,} 条无效，未入库", f"✗ {refusals.count:,} invalid, not stored"
            ),
            err=True,
        )
    if refusals.count or tally.kept or tally.changed or tally.is_unsure:
        raise typer.Exit(EXIT_FAILED)


def _tell_of_earlier(tally: Tally) -> None:
    """Say what became of records that an earlier run had stored."""
    if tally.put_back:
        note(
            f"… 其中 {tally.put_back:,} 条此前已入库，此后被其他提交改动，已按本文件重新写入",
            f"… {tally.put_back:,} of them were stored earlier and changed by others since: they "
            "were written again as in this file",
        )
    if tally.changed:
        note(
            f"✗ 其中 {tally.changed:,} 条此前已以同名的 --run 入库，此后被其他提交改动，没有"
            "再次写入：平台上的不是本文件的内容；要写入请换 --run 名称，或不用 --run",
            f"✗ {tally.changed:,} of them were stored earlier under this --run, changed by others "
            "since, and not written again: the exchange does not hold what the file says. For "
            "that, name another --run or none",
        )
    if tally.is_unsure:
        note(
            "✗ 其中部分记录此前已入库，此后该资源另有提交，且无法核对是否改动了这些记录；"
            "确认以本文件为准的，请换 --run 名称再次提交",
            "✗ Some of them were stored earlier, others have published since, and whether that "
            "changed these records cannot be told; if this file is right, name another --run",
        )
    elif tally.replayed:
        typer.echo(
            say(
                f"  其中 {tally.replayed:,} 条此前已入库，未重复写入",
                f"  {tally.replayed:,} of them earlier, and not again",
            )
        )
