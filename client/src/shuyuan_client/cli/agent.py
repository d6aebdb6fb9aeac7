"""`shuyuan agent`: subscriptions into tables, tables into resources."""

import json
import shutil
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from shuyuan_client.agent.config import Config, load
from shuyuan_client.agent.template import TEMPLATE, unit
from shuyuan_client.cli.explaining import explained
from shuyuan_client.failures import EXIT_FAILED, Failure, unusable_file
from shuyuan_client.wording import say

agent_app = typer.Typer(
    no_args_is_help=True, help="库表代理 / the agent between tables and the exchange"
)
USUAL = Path("shuyuan-agent.toml")
ConfigFile = Annotated[
    Path, typer.Option("--config", help=say("配置文件（TOML）", "configuration (TOML)"))
]


@agent_app.command("init")
def init(config: ConfigFile = USUAL) -> None:
    """写出配置模板；已有配置则建立自有表 / write a configuration, or make its tables."""
    with explained():
        if config.exists():
            _prepare(load(config))
        else:
            _write(config)


@agent_app.command("check")
def check(config: ConfigFile = USUAL) -> None:
    """逐句说明配置、表与权限的问题，不作任何改动 / tell what is wrong, and change nothing."""
    from shuyuan_client.agent.checking import check as check_all  # noqa: PLC0415 - drivers
    from shuyuan_client.agent.running import Agent  # noqa: PLC0415

    with explained(), Agent(load(config)) as agent:
        found = check_all(agent)
    for finding in found:
        mark = "✗" if finding.level == "error" else "!"
        typer.echo(f"{mark} {finding.job}: {finding.sentence}")
    if any(finding.level == "error" for finding in found):
        raise typer.Exit(EXIT_FAILED)
    typer.echo(say("✓ 可以运行", "✓ ready to run"))


@agent_app.command("run")
def run(
    config: ConfigFile = USUAL,
    *,
    once: Annotated[
        bool, typer.Option("--once", help=say("取尽即止（供计划任务）", "end when caught up"))
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=say("只说明将有何改动", "only tell what would change"))
    ] = False,
) -> None:
    """运行全部任务，直到被停止 / run every job until stopped."""
    from shuyuan_client.agent.running import run as run_all  # noqa: PLC0415 - drivers

    with explained():
        read = load(config)
        if dry_run:
            _preview(read)
            return
        stop = threading.Event()
        _stop_when_asked(stop)
        fine = run_all(read, once=once, stop=stop, say=_say)
    if once and not fine:
        raise typer.Exit(EXIT_FAILED)


@agent_app.command("status")
def status(
    config: ConfigFile = USUAL,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help=say("以 JSON 输出", "as JSON, for programs"))
    ] = False,
) -> None:
    """各任务的位点、落后数与最近一次错误 / position, lag and last error of every job."""
    from shuyuan_client.agent.databases import connect  # noqa: PLC0415 - drivers
    from shuyuan_client.agent.state import Position, State  # noqa: PLC0415

    with explained():
        read = load(config)
        database = connect(read.database)
        try:
            state = State(database, read.database.own_schema)
            if state.missing():
                raise _not_prepared()
            subjects = [(job.name, job.subscription) for job in read.pull]
            subjects += [(job.name, job.resource) for job in read.push]
            jobs = [
                asdict(state.read(name, subject) or Position(name, subject))
                | {"waiting": state.waiting(name)}
                for name, subject in subjects
            ]
            holder = state.holder(read.name)
        finally:
            database.close()
    if as_json:
        typer.echo(json.dumps({"holder": holder, "jobs": jobs}, ensure_ascii=False))
        return
    who, since = holder or ("-", "-")
    typer.echo(say(f"最近由 {who} 运行，自 {since}", f"last run by {who}, since {since}"))
    for job in jobs:
        _tell(job)


@agent_app.command("service")
def service(config: ConfigFile = USUAL) -> None:
    """打印 systemd 单元 / print a unit of systemd."""
    with explained():
        name = load(config).name
    command = shutil.which("shuyuan") or f"{sys.executable} -m shuyuan_client"
    typer.echo(unit(name, command, config), nl=False)


def _write(config: Path) -> None:
    try:
        config.touch(mode=0o600, exist_ok=False)
        config.write_text(TEMPLATE, encoding="utf-8")
    except OSError as error:
        raise unusable_file(str(config), error) from error
    typer.echo(
        say(
            f"✓ 已写出 {config}；填写后再运行 shuyuan agent init 建立自有表，然后 check。",
            f"✓ {config} is written; fill it in, run shuyuan agent init again, then check.",
        )
    )


def _prepare(config: Config) -> None:
    """Make the agent's own tables; print the triggers of jobs by outbox, for whoever may."""
    from shuyuan_client.agent.running import Agent  # noqa: PLC0415 - drivers

    with Agent(config) as agent:
        agent.state.create()
        outbox = agent.state.sql("outbox")
        for job in config.push:
            if job.method == "outbox":
                key = [job.columns.get(item, item) for item in job.key]
                script = agent.database.trigger_script(job.name, job.table, key, outbox)
                typer.echo(f"-- {job.name}\n{script}", nl=False)
    typer.echo(say("✓ 代理自有表已就绪", "✓ the agent's own tables are ready"), err=True)


def _preview(config: Config) -> None:
    from shuyuan_client.agent.running import Agent  # noqa: PLC0415 - drivers

    with Agent(config) as agent:
        if agent.state.missing():
            raise _not_prepared()
        for pull in agent.pulls:
            landed = pull.preview()
            typer.echo(
                say(
                    f"{pull.name}: 下一页将写入 {landed.upserts} 行，删除 {landed.deletes} 行",
                    f"{pull.name}: the next page writes {landed.upserts} rows, deletes "
                    f"{landed.deletes}",
                )
            )
        for push in agent.pushes:
            count = push.preview()
            typer.echo(
                say(f"{push.name}: 将提交 {count} 条", f"{push.name}: {count} records to publish")
            )


def _tell(job: dict[str, object]) -> None:
    lag = "?" if job["lag"] is None else job["lag"]
    typer.echo(
        say(
            f"{job['name']}: 已写入 {job['records']:,}，已删除 {job['deletes']:,}，落后 {lag}，"
            f"待提交 {job['waiting']}，最近移动 {job['moved_at'] or '-'}",
            f"{job['name']}: {job['records']:,} written, {job['deletes']:,} deleted, lag {lag}, "
            f"{job['waiting']} waiting, moved at {job['moved_at'] or '-'}",
        )
    )
    if job["phase"] == "resync" or job["unconfirmed"]:
        typer.echo(
            say(
                f"  重取 {job['resyncs']} 次；{job['unconfirmed']} 行未再出现，可能已失效",
                f"  read anew {job['resyncs']} times; {job['unconfirmed']} rows did not come again "
                "and may be out of date",
            )
        )
    if job["error"]:
        typer.echo(f"  ✗ {job['error_at']}: {job['error']}")


def _stop_when_asked(stop: threading.Event) -> None:
    """Let what is under way be finished first; only the main thread hears signals."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())


def _say(sentence: str) -> None:
    typer.echo(f"✗ {sentence}", err=True)


def _not_prepared() -> Failure:
    return Failure(
        "代理自有表尚未建立；先运行 shuyuan agent init。",
        "The agent's own tables are missing; run shuyuan agent init first.",
    )
