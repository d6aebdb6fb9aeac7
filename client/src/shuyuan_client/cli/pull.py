"""`shuyuan pull`: the records of a subscription, from its position on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from shuyuan_client.cli.explaining import explained
from shuyuan_client.cli.outputs import Output, open_output
from shuyuan_client.cli.profile import BaseUrl, ClientId, ClientSecret, ProfileFile, connect
from shuyuan_client.cli.progress import Meter
from shuyuan_client.failures import Failure, unusable_file
from shuyuan_client.http import ExchangeClient, Page, Refused
from shuyuan_client.wording import say

FOLLOW_WAIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Errand:
    """What to pull; `start` None begins at the stored position."""

    client: ExchangeClient
    subscription_id: str
    start: str | None
    commit: bool
    past_gap: bool
    meter: Meter

    def first_cursor(self) -> str | None:
        return None if self.start is None else self.client.rewind(self.subscription_id, self.start)

    def pages(self) -> Iterator[Page]:
        """Yield pages up to what the log holds now; the last one is empty."""
        cursor = self.first_cursor()
        while True:
            page = self._page(cursor)
            yield page
            # A page may be empty because the row filter hid everything: then the lag goes on.
            if not page.lines and not page.lag:
                return
            cursor = page.next_cursor

    def endless_pages(self) -> Iterator[Page]:
        cursor = self.first_cursor()
        while True:
            page = self._page(cursor, wait_seconds=FOLLOW_WAIT_SECONDS)
            yield page
            cursor = page.next_cursor

    def _page(self, cursor: str | None, wait_seconds: float = 0) -> Page:
        """Return a page; what the log no longer keeps is passed over only when asked to."""
        while True:
            try:
                return self.client.page(self.subscription_id, cursor, wait_seconds=wait_seconds)
            except Refused as refusal:
                if refusal.code != "cursor_expired":
                    raise
                if not self.past_gap:
                    raise _gap() from refusal
                lost = refusal.problem.get("lost", 0)
                self.meter.say(
                    f"… 约 {lost:,} 个位置的记录已超出保留期，从现存最早的记录继续。",
                    f"… about {lost:,} places of the log are no longer kept; going on after them.",
                )
                cursor = str(refusal.problem["earliest_cursor"])

    def settle(self, cursor: str) -> None:
        if self.commit:
            self.client.commit(self.subscription_id, cursor)


def catch_up(errand: Errand, output: Output, meter: Meter) -> None:
    """Take everything that is there; the position moves when all of it is kept."""
    cursor = ""
    with output:
        for page in errand.pages():
            output.write(page.lines)
            cursor = page.next_cursor
            meter.ends_at(meter.records + len(page.lines) + page.lag)
            meter.moved(len(page.lines), meter.records + len(page.lines))
    errand.settle(cursor)


def follow(errand: Errand, output: Output, meter: Meter) -> None:
    """Take page after page until interrupted; the position follows each page that is kept."""
    with output:
        try:
            for page in errand.endless_pages():
                if page.lines:
                    output.write(page.lines)
                    output.keep()
                    errand.settle(page.next_cursor)
                    meter.moved(len(page.lines))
        except KeyboardInterrupt:
            meter.say("… 已停止。", "… stopped.")


def pull(  # noqa: PLR0913 - an option is a parameter
    subscription: Annotated[
        str, typer.Option("--subscription", help=say("共享授权标识", "subscription id"))
    ],
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    out: Annotated[
        str, typer.Option(help=say("输出文件，- 为标准输出", "file, or - for standard output"))
    ] = "-",
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help=say(
                "earliest、latest 或带时区的时间；缺省为已提交的位点",
                "earliest, latest, or a time with offset; by default the stored position",
            ),
        ),
    ] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help=say("提交到达的位点", "store the position reached"))
    ] = False,
    past_gap: Annotated[
        bool,
        typer.Option(
            "--past-gap",
            help=say(
                "位点已超出保留期时，从现存最早的记录继续",
                "where records are no longer kept, go on with the earliest that are",
            ),
        ),
    ] = False,
    endless: Annotated[
        bool, typer.Option("--follow", help=say("持续等待新记录", "go on waiting for records"))
    ] = False,
) -> None:
    """提取共享授权的记录 / pull the records of a subscription."""
    with explained(), Meter(say("提取", "pull"), None if endless else 1) as meter:
        _check_start(start)
        with connect(profile, base_url, client_id, client_secret, meter) as client:
            errand = Errand(client, subscription, start, commit, past_gap, meter)
            try:
                (follow if endless else catch_up)(errand, open_output(out, growing=endless), meter)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise unusable_file(out, error) from error
            meter.say(
                f"✓ 提取 {meter.records:,} 条，{meter.seconds:.1f} 秒，{meter.rate:,.0f} 条/秒",
                f"✓ {meter.records:,} records in {meter.seconds:.1f} s, {meter.rate:,.0f}/s",
            )


def _check_start(start: str | None) -> None:
    if start in (None, "earliest", "latest") or _is_moment(str(start)):
        return
    raise Failure(
        "--from 须为 earliest、latest 或带时区的时间，例如 2026-01-05T08:00:00+08:00。",
        "--from must be earliest, latest, or a time with offset: 2026-01-05T08:00:00+08:00.",
    )


def _gap() -> Failure:
    return Failure(
        "位点之后的部分记录已超出保留期，无法再提取；加 --past-gap 从现存最早的记录继续。",
        "Records after this position are no longer kept and cannot be pulled; "
        "go on with the earliest that are: --past-gap.",
    )


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
