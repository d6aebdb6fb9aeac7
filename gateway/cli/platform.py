"""Commands that work on the platform itself, by its settings and database: not over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from pydantic import ValidationError

from auth import bootstrap as first_people
from auth import keys
from auth.bootstrap import FirstPerson
from auth.departments import NewDepartment
from gateway.cli.failures import EXIT_FAILED, Failure, database_explained
from gateway.cli.wording import say
from kernel import audit, clock
from kernel.actor import SYSTEM
from kernel.audit import Fault, Verdict
from kernel.database import Database
from kernel.secretbox import Secretbox
from kernel.settings import Settings, load

audit_app = typer.Typer(no_args_is_help=True, help=say("审计日志", "the audit log"))
keys_app = typer.Typer(no_args_is_help=True, help=say("令牌签名密钥", "keys that sign tokens"))

REASONS = {
    "an event is missing": "缺少一个事件",
    "does not follow the event before it": "与前一事件不衔接",
    "was changed after it was written": "写入后被改动",
    "events are missing at the end": "末尾的事件缺失",
}


def bootstrap(
    uscc: Annotated[str, typer.Option(help=say("统一社会信用代码", "social credit code"))],
    name: Annotated[str, typer.Option(help=say("部门名称", "name of the department"))],
    region: Annotated[str, typer.Option(help=say("行政区划代码", "division code"))] = "450000",
    *,
    authority: Annotated[
        bool, typer.Option(help=say("是否主管部门", "whether it is the authority"))
    ] = True,
) -> None:
    """建立首个安全管理员和系统管理员，仅一次 / create the first security and operator, once."""
    department = NewDepartment(uscc, name, region, authority)
    with database_explained():
        people = asyncio.run(_bootstrap(department))
    typer.echo(
        say(
            "✓ 已建立，口令只显示这一次，请登录后立即修改：",
            "✓ created; the passwords are shown this once, change them after signing in:",
        )
    )
    for person in people:
        typer.echo(f"{person.username}\t{person.password}")


@audit_app.command()
def verify() -> None:
    """校验审计哈希链 / recompute every chain; exit code 1 where one is broken."""
    with database_explained():
        verdict = asyncio.run(_verify())
    if not verdict.faults:
        typer.echo(
            say(
                f"✓ 审计链完整：{verdict.events:,} 个事件",
                f"✓ the audit log is whole: {verdict.events:,} events",
            )
        )
        return
    for fault in verdict.faults:
        typer.echo(f"✗ {_told(fault)}", err=True)
    raise typer.Exit(EXIT_FAILED)


@keys_app.command()
def rotate(
    *,
    at_once: Annotated[
        bool,
        typer.Option(
            help=say(
                "旧密钥已泄露：其签发的令牌立即失效",
                "the old key leaked: every token that it signed ends now",
            )
        ),
    ] = False,
) -> None:
    """启用新的签名密钥 / sign with a new key from now on."""
    with database_explained():
        kid = asyncio.run(_rotate(at_once=at_once))
    typer.echo(say(f"✓ 新密钥 {kid}", f"✓ new key {kid}"))


async def _bootstrap(department: NewDepartment) -> tuple[FirstPerson, ...]:
    async with _database(_settings()) as database, database.transaction() as session:
        return await first_people.bootstrap(session, department, now=clock.now())


async def _verify() -> Verdict:
    async with _database(_settings()) as database, database.snapshot() as session:
        return await audit.verify(session)


async def _rotate(*, at_once: bool) -> str:
    settings = _settings()
    box = Secretbox(_master_key(settings))
    async with _database(settings) as database, database.transaction() as session:
        return await keys.rotate(
            session,
            box,
            SYSTEM,
            token_seconds=settings.access_token_seconds,
            now=clock.now(),
            at_once=at_once,
        )


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url, pool_size=2)
    try:
        yield database
    finally:
        await database.close()


def _settings() -> Settings:
    try:
        return load()
    except ValidationError as error:
        names = ", ".join(f"SHUYUAN_{str(one['loc'][0]).upper()}" for one in error.errors())
        raise Failure(
            f"设置不正确：{names}。", f"These settings are not right: {names}."
        ) from error


def _master_key(settings: Settings) -> bytes:
    try:
        return settings.master_key_bytes()
    except (ValueError, OSError) as error:
        raise Failure(
            f"主密钥不可用（SHUYUAN_MASTER_KEY 或 SHUYUAN_MASTER_KEY_FILE）：{error}",
            f"No master key (SHUYUAN_MASTER_KEY or SHUYUAN_MASTER_KEY_FILE): {error}",
        ) from error


def _told(fault: Fault) -> str:
    chinese = REASONS.get(fault.reason, fault.reason)
    return say(
        f"审计链 {fault.chain} 第 {fault.seq} 个事件：{chinese}",
        f"chain {fault.chain}, event {fault.seq}: {fault.reason}",
    )
