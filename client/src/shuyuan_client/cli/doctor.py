"""`shuyuan doctor`: whether this machine can work with the exchange, and what to do if not."""

import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import typer

from shuyuan_client.cli.explaining import explained
from shuyuan_client.cli.profile import (
    BaseUrl,
    ClientId,
    ClientSecret,
    ProfileFile,
    connect,
)
from shuyuan_client.failures import EXIT_FAILED, EXIT_UNREACHABLE, Failure, Unreachable
from shuyuan_client.http import ExchangeClient
from shuyuan_client.wording import say

PROBE_SECONDS = 10.0
# Assertions of private keys live 60 s (RFC 7523), tokens are renewed 30 s early.
SKEW_SECONDS = 30.0
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
READY, OTHERS = 200, 0o077


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, and what to do where it is not as it should be."""

    told: str
    remedy: str | None = None
    exit_code: int = EXIT_FAILED


def doctor(
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
) -> None:
    """检查本机与平台的连接、时钟、凭据 / check reach, TLS, clock, credentials and profile."""
    codes = []
    with explained():
        typer.echo(f"✓ shuyuan-client {version('shuyuan-client')}")
        for found in _findings(profile, base_url, client_id, client_secret):
            typer.echo(f"{'✓' if found.remedy is None else '✗'} {found.told}")
            if found.remedy is not None:
                typer.echo(f"  → {found.remedy}")
                codes.append(found.exit_code)
    if codes:
        raise typer.Exit(max(codes))


def _findings(
    profile: Path | None, base_url: str | None, client_id: str | None, secret: str | None
) -> Iterator[Finding]:
    if profile is not None:
        yield profile_rights(profile)
    try:
        client = connect(profile, base_url, client_id, secret)
        urlsplit(client.base_url)
    except Failure as failure:
        yield Finding(say("凭据不全", "credentials are missing"), failure.sentence)
        return
    except (httpx.InvalidURL, ValueError) as error:
        told = say(f"平台地址有误：{error}", f"the address is wrong: {error}")
        yield Finding(told, say("应如 https://share.example", "it is like https://share.example"))
        return
    with client:
        yield transport(client.base_url)
        answer, reached = reach(client.base_url)
        yield reached
        if answer is not None:
            yield clock(answer.headers.get("Date", ""), time.time())
            yield _signed_in(client)


def profile_rights(path: Path) -> Finding:
    """Whether others on this machine can read the secret of a profile."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        told = say(f"配置文件 {path} 读不到", f"the profile {path} cannot be read")
        return Finding(told, str(error.strerror or error))
    if stat.S_IMODE(mode) & OTHERS:
        return Finding(
            say(f"配置文件 {path} 可被他人读取", f"others can read the profile {path}"),
            f"chmod 600 {path}",
        )
    return Finding(say(f"配置文件 {path} 仅本人可读", f"the profile {path} is its owner's alone"))


def transport(base_url: str) -> Finding:
    """Whether records and secrets are encrypted on their way to another machine."""
    address = urlsplit(base_url)
    if address.scheme == "https" or address.hostname in LOCAL:
        return Finding(say(f"平台地址 {base_url}", f"the exchange is {base_url}"))
    return Finding(
        say(f"平台地址 {base_url} 未加密", f"{base_url} is not encrypted"),
        say("改用 https:// 地址", "use the https:// address"),
    )


def reach(base_url: str) -> tuple[httpx.Response | None, Finding]:
    """Ask the exchange whether it is ready; None where nothing of it answers."""
    url = f"{base_url.rstrip('/')}/readyz"
    try:
        answer = httpx.get(url, timeout=PROBE_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        return None, Finding(
            say(f"连接不上 {base_url}：{reason}", f"{base_url} does not answer: {reason}"),
            say(
                "检查地址、网络与防火墙；证书有误的，安装签发机构的根证书（SSL_CERT_FILE）",
                "check address, network and firewall; for a certificate, install the root of its "
                "issuer (SSL_CERT_FILE)",
            ),
            EXIT_UNREACHABLE,
        )
    if answer.status_code != READY:
        return answer, Finding(
            say(f"平台未就绪（{answer.status_code}）", f"it is not ready ({answer.status_code})"),
            say("稍后再试；持续如此请联系平台运维", "retry later; else tell its operators"),
            EXIT_UNREACHABLE,
        )
    return answer, Finding(say("平台可达且就绪", "it is reached and ready"))


def clock(told: str, now: float) -> Finding:
    """Whether the clock of this machine is that of the exchange; `now` in seconds since 1970."""
    try:
        there = parsedate_to_datetime(told)
    except ValueError:
        return Finding(
            say("平台未告知时间", "the exchange tells no time"),
            say("地址可能不是本平台", "perhaps the address is another service's"),
        )
    if there.tzinfo is None:
        there = there.replace(tzinfo=UTC)
    skew = (datetime.fromtimestamp(now, UTC) - there).total_seconds()
    if abs(skew) > SKEW_SECONDS:
        return Finding(
            say(f"本机时钟相差 {skew:+.0f} 秒", f"the clock is {skew:+.0f} s off"),
            say("校时（NTP）；令牌因此会被拒绝", "set it (NTP): tokens are refused for it"),
        )
    return Finding(say(f"本机时钟相差 {skew:+.0f} 秒", f"the clock is {skew:+.0f} s off"))


def _signed_in(client: ExchangeClient) -> Finding:
    try:
        me = client.ask("GET", "/v1/me")
    except Unreachable as failure:
        return Finding(say("未能登录", "not signed in"), failure.sentence, failure.exit_code)
    except Failure as failure:
        return Finding(
            say(f"未能登录：{failure}", f"not signed in: {failure}"),
            say(
                "核对应用系统标识与密钥；密钥可由负责人更换",
                "check client id and secret; the head can have the secret changed",
            ),
        )
    name, department = me.get("name") or me.get("id"), me.get("department_name") or ""
    scopes = " ".join(me.get("scopes", ()))
    return Finding(
        say(f"登录为 {name}（{department}）：{scopes}", f"{name}, {department}: {scopes}")
    )
