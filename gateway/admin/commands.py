"""Commands for those who run the platform: on its database, by its settings, not over HTTP.

The client's `shuyuan` finds them by the entry points of pyproject.toml (`shuyuan.commands`).
`direct` is imported late: publish and pull start three times as fast without a database driver.
"""

import sys
from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.admin.explaining import explained
from shuyuan_client.failures import EXIT_FAILED
from shuyuan_client.wording import say

audit_app = typer.Typer(no_args_is_help=True, help="审计日志 / the audit log")
keys_app = typer.Typer(no_args_is_help=True, help="令牌签名密钥 / keys that sign tokens")

DIFFERS = "differs"


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
    from auth.departments import NewDepartment  # noqa: PLC0415
    from gateway.admin import direct  # noqa: PLC0415

    with explained():
        department = NewDepartment(uscc, name, region, authority)
        people = direct.run(direct.create_first_people(department))
    typer.echo(
        say(
            "✓ 已建立。口令只显示这一次，请登录后立即修改：",
            "✓ created; the passwords are shown this once, change them after signing in:",
        )
    )
    for person in people:
        typer.echo(f"{person.username}\t{person.password}")


def load_standards() -> None:
    """载入国家标准及其代码集，可重复 / add national standards and code lists that are missing."""
    from gateway.admin import direct  # noqa: PLC0415

    with explained():
        loaded = direct.run(direct.load_standards())
    typer.echo(
        say(
            f"✓ 新增 {loaded.standards} 项标准、{loaded.code_lists} 个代码集、"
            f"{loaded.editions} 个版次；已有的未改动。",
            f"✓ {loaded.standards} standards, {loaded.code_lists} code lists and "
            f"{loaded.editions} editions are new; what was there was left alone.",
        )
    )


def check_platform() -> None:
    """逐项检查平台的设置和所依赖的服务 / check every setting and every service that it needs."""
    from gateway.admin import checking  # noqa: PLC0415

    with explained():
        found = checking.look()
    for each in found:
        typer.echo(checking.line(each))
    code = checking.exit_code(found)
    if code:
        raise typer.Exit(code)


class Restorable(StrEnum):
    """Roles without which nobody can repair the platform over HTTP."""

    SECURITY = "security"
    OPERATOR = "operator"


def restore_access(
    username: Annotated[str, typer.Argument(help=say("用户名", "the username"))],
    role: Annotated[
        Restorable, typer.Option(help=say("恢复的角色", "the role to hold again"))
    ] = Restorable.SECURITY,
    department: Annotated[
        str | None,
        typer.Option(
            help=say("该用户尚不存在时所属部门的代码", "the department of one who is not there yet")
        ),
    ] = None,
) -> None:
    """无人可管理平台时恢复访问，记入审计 / when nobody is left to administer; it is audited."""
    from auth.principal import Role  # noqa: PLC0415
    from gateway.admin import direct  # noqa: PLC0415

    with explained():
        password = direct.run(direct.restore_access(username, Role(role.value), department))
    typer.echo(
        say(
            "✓ 已恢复。临时口令只显示这一次，登录时须更换：",
            "✓ restored; the temporary password is shown this once, to be changed at sign-in:",
        )
    )
    typer.echo(f"{username}\t{password}")


def restored(
    reason: Annotated[str, typer.Option(help=say("恢复原因", "why it was restored"))],
    to: Annotated[
        datetime | None,
        typer.Option(help=say("恢复到的时刻，UTC", "the moment it was restored to, UTC")),
    ] = None,
    *,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway",
            help=say(
                "数据库与日志一致时也登记（日志也已丢失）",
                "also where database and log agree: the log was lost as well",
            ),
        ),
    ] = False,
) -> None:
    """登记数据库已恢复到较早时刻 / declare that the database was restored to an earlier moment."""
    from gateway.admin import direct  # noqa: PLC0415

    # A program has its reasons; somebody at a terminal may have the wrong platform before them.
    unasked = anyway or not sys.stdin.isatty()
    with explained():
        done = direct.run(direct.declare_restored(reason, _in_utc(to), anyway=unasked))
    for lost in done.lost:
        subject = lost.named("id") or lost.named("resource_id") or ""
        typer.echo(f"{lost.at}\t{lost.type}\t{subject}")
    for resource_id, number in done.recovered:
        typer.echo(f"{resource_id}\t{number}")
    for event, things in done.stopped.told().items():
        for thing in things:
            typer.echo(f"{event}\t{thing}")
    typer.echo(
        say(
            f"✓ 已从日志找回 {len(done.recovered)} 个已发布的版本（如上）。",
            f"✓ {len(done.recovered)} published versions were recovered from the log (above).",
        )
    )
    typer.echo(
        say(
            f"✓ 已登记，世代 {done.generation.number}：上列 {len(done.lost)} 项决定数据库已不记得，"
            f"请逐项重做；已暂停 {len(done.suspended)} 项此前被停止的共享授权。",
            f"✓ declared, generation {done.generation.number}: the database has forgotten the "
            f"{len(done.lost)} decisions above, take them again; {len(done.suspended)} "
            "subscriptions that had been stopped were suspended.",
        )
    )
    stopped = done.stopped
    typer.echo(
        say(
            f"✓ 此前签发的令牌和登录均已失效，签名密钥已更换；权限或凭据在此期间有变动的"
            f" {len(stopped.people)} 名人员、{len(stopped.clients)} 个应用系统（如上）已停用，"
            "请安全管理员核实、重置口令或密钥后恢复；"
            f"已终止 {len(stopped.delegations)} 项委托，撤回 {len(stopped.consents)} 项常设同意。",
            f"✓ every token and sign-in has ended, and the signing key was replaced; "
            f"{len(stopped.people)} people and {len(stopped.clients)} systems (above) whose access "
            "or credentials changed since then were suspended: security resumes them, with a new "
            f"password or secret; {len(stopped.delegations)} delegations were ended, "
            f"{len(stopped.consents)} standing consents withdrawn.",
        )
    )


def pass_version(
    resource: Annotated[str, typer.Argument(help=say("资源的代码", "the id of the resource"))],
    version: Annotated[int, typer.Argument(min=1, help=say("版本号", "the version's number"))],
    reason: Annotated[str, typer.Option(help=say("原因", "why"))],
) -> None:
    """放行无人知晓其契约的版本的记录 / let readers pass records whose version nobody knows."""
    from gateway.admin import direct  # noqa: PLC0415

    with explained():
        direct.run(direct.pass_version(resource, version, reason))
    typer.echo(
        say(
            f"✓ 资源 {resource} 版本 {version} 的记录将被略过；其位置见网关日志。",
            f"✓ records of version {version} of {resource} are passed from now on; the gateway's "
            "log names their offsets.",
        )
    )


@audit_app.command()
def verify(
    archives: Annotated[
        list[Path] | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help=say("此前的归档文件，按先后", "the archives before the log, in their order"),
        ),
    ] = None,
) -> None:
    """校验审计哈希链，断裂则返回 1 / recompute every chain; exit code 1 where one is broken."""
    from gateway import audit_faults  # noqa: PLC0415
    from gateway.admin import direct  # noqa: PLC0415

    with explained():
        verdict = direct.run(direct.verify_audit(archives or []))
    for fault in verdict.faults:
        told = audit_faults.told(fault)
        typer.echo(f"✗ {say(told.zh, told.en)}", err=True)
    if verdict.faults:
        raise typer.Exit(EXIT_FAILED)
    typer.echo(
        say(
            f"✓ 审计链完整：{verdict.events:,} 个事件",
            f"✓ the audit log is whole: {verdict.events:,} events",
        )
    )


@audit_app.command()
def archive(
    to: Annotated[Path, typer.Option(help=say("新的归档文件", "the file to write, a new one"))],
    before: Annotated[
        int | None,
        typer.Option(
            min=197001,
            max=999912,
            help=say("只归档此月之前，如 202601", "only months before this one, as 202601"),
        ),
    ] = None,
) -> None:
    """将已结束的月份移入可校验的文件 / move months that are over to a file that verifies."""
    from gateway.admin import direct  # noqa: PLC0415

    with explained():
        done = direct.run(direct.archive_audit(to, before))
    typer.echo(
        say(
            f"✓ 已归档 {done.end} 之前的 {done.events:,} 个事件，SHA-256 {done.digest}",
            f"✓ archived {done.events:,} events before {done.end}, SHA-256 {done.digest}",
        )
    )


@audit_app.command()
def compare(
    since: Annotated[
        datetime | None,
        typer.Option(help=say("此后封存的分钟，UTC", "minutes sealed from then on, UTC")),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help=say("此前封存的分钟，UTC", "and before then, UTC"))
    ] = None,
) -> None:
    """以日志核对发布与提取的证据，不符则返回 1 / compare evidence with the log; 1 if it differs."""
    from gateway.admin import direct  # noqa: PLC0415

    with explained():
        findings = direct.run(direct.compare_audit(_in_utc(since), _in_utc(until)))
    counts = Counter(finding.verdict.value for finding in findings)
    differing = [finding for finding in findings if finding.verdict == DIFFERS]
    for finding in differing:
        place = f"{finding.event} {finding.subject_id} {finding.client_id} {finding.minute}"
        typer.echo(say(f"✗ 与日志不符：{place}", f"✗ not as in the log: {place}"), err=True)
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "0"
    typer.echo(say(f"核对结果：{told}", f"compared: {told}"))
    if differing:
        raise typer.Exit(EXIT_FAILED)


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


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
    from gateway.admin import direct  # noqa: PLC0415

    with explained():
        kid = direct.run(direct.rotate_keys(at_once=at_once))
    typer.echo(say(f"✓ 新密钥 {kid}", f"✓ new key {kid}"))


@keys_app.command()
def reencrypt() -> None:
    """以当前主密钥重新加密全部密文 / encrypt what is stored under the master key that writes."""
    from gateway.admin import direct  # noqa: PLC0415

    with explained():
        told = direct.run(direct.reencrypt())
    for name, count in told.done.items():
        typer.echo(f"{name}\t{count:,}")
    for name, count in told.unreadable.items():
        typer.echo(
            say(
                f"✗ {name}：{count:,} 项非任一已知主密钥所加密；"
                "请在 SHUYUAN_OTHER_MASTER_KEYS 中补上其主密钥后重试。",
                f"✗ {name}: {count:,} values are of no master key that is known; name theirs in "
                "SHUYUAN_OTHER_MASTER_KEYS, then retry.",
            ),
            err=True,
        )
    if told.unreadable:
        raise typer.Exit(EXIT_FAILED)
    total = sum(told.done.values())
    typer.echo(
        say(
            f"✓ 已重新加密 {total:,} 项，其余均已使用当前主密钥。",
            f"✓ {total:,} values were encrypted anew, the others were under this master key.",
        )
    )
