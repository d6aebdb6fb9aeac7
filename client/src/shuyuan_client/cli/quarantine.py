"""`shuyuan quarantine`: records that the contract refused, to be corrected and sent again."""

from typing import Annotated

import typer

from shuyuan_client.cli.explaining import explained
from shuyuan_client.cli.outputs import open_output
from shuyuan_client.cli.profile import BaseUrl, ClientId, ClientSecret, ProfileFile, connect
from shuyuan_client.failures import Failure, unusable_file
from shuyuan_client.http import Kept
from shuyuan_client.wording import say

quarantine_app = typer.Typer(no_args_is_help=True, help="隔离区 / records in quarantine")

AT_ONCE = 200
Resource = Annotated[str, typer.Option("--resource", help=say("资源标识", "resource id"))]
Receipt = Annotated[
    str | None,
    typer.Option("--receipt", help=say("只看这一回执的", "only those of one receipt")),
]


@quarantine_app.command("list")
def list_(
    resource: Resource,
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    receipt: Receipt = None,
    out: Annotated[
        str | None,
        typer.Option(
            help=say(
                "把记录原样写入此文件，每行一条，更正后可再提交",
                "write the records as they came into this file, a line each, to be corrected",
            )
        ),
    ] = None,
) -> None:
    """列出被隔离的记录及原因 / list what is in quarantine, and why."""
    with explained(), connect(profile, base_url, client_id, client_secret) as client:
        found = list(client.quarantine(resource, receipt))
        for kept in found:
            _tell(kept)
        if out is not None:
            _write(found, out)
    typer.echo(
        say(f"隔离区有 {len(found):,} 条记录。", f"{len(found):,} records in quarantine."), err=True
    )


@quarantine_app.command("resolve")
def resolve(
    resource: Resource,
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    receipt: Receipt = None,
    entries: Annotated[
        list[str] | None,
        typer.Option("--entry", help=say("记录标识，可重复", "id of a record; may be repeated")),
    ] = None,
) -> None:
    """移除已更正或放弃的记录 / remove records that were corrected or given up."""
    with explained(), connect(profile, base_url, client_id, client_secret) as client:
        if (receipt is None) == (not entries):
            raise Failure(
                "请用 --receipt 指明一份回执，或用 --entry 指明记录。",
                "Name the records with --entry, or all of a receipt with --receipt.",
            )
        bodies: list[dict[str, object]] = [{"receipt_id": receipt}]
        if entries:
            bodies = [
                {"entries": entries[start : start + AT_ONCE]}
                for start in range(0, len(entries), AT_ONCE)
            ]
        resolved = sum(client.resolve(resource, body) for body in bodies)
    typer.echo(say(f"✓ 已移除 {resolved:,} 条", f"✓ {resolved:,} records removed"))


def _tell(kept: Kept) -> None:
    for error in kept.errors:
        typer.echo(f"{kept.id}\t{kept.op}\t{error['path']}\t{error['message']} [{error['code']}]")


def _write(found: list[Kept], out: str) -> None:
    try:
        with open_output(out, growing=False) as output:
            output.write([kept.line() for kept in found])
    except OSError as error:
        raise unusable_file(out, error) from error
