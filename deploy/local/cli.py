"""Commands of the local platform: up, down, status."""

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from deploy.local import artifacts
from deploy.local.report import Report
from deploy.local.stack import EXTERNAL
from deploy.local.up import Platform, place
from deploy.local.wording import LocalError
from shuyuan_client.cli.helping import in_one_language

NOT_ALL_RUNNING = 3

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="本机平台：PostgreSQL、Kafka、网关与后台进程 / the platform on this machine",
)


@app.command()
def up() -> None:
    """启动尚未运行的部分 / start what does not run yet."""
    with _explained():
        Platform(place(), Report()).up()


@app.command()
def down() -> None:
    """全部停止，数据保留 / stop everything; the data stays."""
    with _explained():
        Platform(place(), Report()).down()


@app.command()
def status() -> None:
    """列出各进程与平台概况；全部运行则返回 0，否则 3 / processes, lags; 0 if all run, else 3."""
    with _explained():
        report = Report()
        platform = Platform(place(), report)
        processes = platform.status()
        report.table(processes)
        platform.tell_overview()
    if any(process.state not in {"running", EXTERNAL} for process in processes):
        raise typer.Exit(NOT_ALL_RUNNING)


@app.command(hidden=True)
def lock() -> None:
    """重新生成 kafka.lock / resolve the Kafka jars anew and lock them."""
    with _explained():
        artifacts.write_lock()


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what cannot be had into one sentence in each language, and exit code 1."""
    try:
        yield
    except LocalError as error:
        _fail(error)
    except (OSError, subprocess.SubprocessError) as error:
        _fail(_machine_error(error))


def _fail(error: LocalError) -> None:
    typer.echo(f"✗ {error.chinese}\n  {error.english}", err=True)
    raise typer.Exit(1) from error


def _machine_error(error: OSError | subprocess.SubprocessError) -> LocalError:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return LocalError(
            f"磁盘已满：{error.filename}；请腾出空间后重试。",
            f"The disk is full: {error.filename}; free some space, then retry.",
        )
    return LocalError(
        f"本机操作失败：{error}；请检查权限与磁盘，或用 SHUYUAN_LOCAL_DIR 换一个目录后重试。",
        f"This machine refused: {error}; check rights and disk, or set SHUYUAN_LOCAL_DIR.",
    )


in_one_language(app)
