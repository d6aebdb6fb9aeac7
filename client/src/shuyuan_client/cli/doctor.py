"""`shuyuan doctor`: whether this machine can work with the exchange, and what to do if not."""

import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import typer

from shuyuan_client.cli.callers import Device, Login, caller
from shuyuan_client.cli.diagnosis import Finding, operations, readiness
from shuyuan_client.cli.explaining import explained
from shuyuan_client.cli.profile import (
    KEY_ID,
    OTHERS,
    BaseUrl,
    ClientId,
    ClientSecret,
    ProfileFile,
    credentials,
)
from shuyuan_client.failures import EXIT_UNREACHABLE, Failure, Unreachable
from shuyuan_client.http import ExchangeClient
from shuyuan_client.refusals import json_object
from shuyuan_client.wording import say

PROBE_SECONDS = 10.0
# Assertions of private keys live 60 s (RFC 7523), tokens are renewed 30 s early.
SKEW_SECONDS = 30.0
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
READY = 200
# To whom the platform tells how it is.
OPERATOR, ADMIN = "operator", "admin"
# What OpenSSL says of certificates, and what to do.
CERTIFICATES = {
    "certificate has expired": (
        "平台的证书已过期（或本机时钟有误）；请联系平台运维更换证书",
        "its certificate has expired, or the clock of this machine is wrong; tell its operators",
    ),
    "not yet valid": (
        "平台的证书尚未生效；请先校准本机时钟",
        "the certificate is not valid yet: set the clock of this machine first",
    ),
    "mismatch": (
        "证书不是该地址的；请使用证书上的域名访问",
        "the certificate is another address's: use the name that it was issued for",
    ),
    "not valid for": (
        "证书不是该地址的；请使用证书上的域名访问",
        "the certificate is another address's: use the name that it was issued for",
    ),
    "CERTIFICATE_VERIFY_FAILED": (
        "本机不信任平台证书的签发机构；取得其根证书，并以环境变量 SSL_CERT_FILE 指明",
        "its issuer is not trusted here: get that root certificate, and name it by SSL_CERT_FILE",
    ),
    "WRONG_VERSION_NUMBER": (
        "该端口未启用 TLS；核对端口，或改用 http:// 地址（仅限本机）",
        "that port speaks no TLS: check the port, or use http:// (on this machine only)",
    ),
}


def doctor(
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    login: Login = False,
    device: Device = False,
) -> None:
    """检查本机与平台的连接、时钟、凭据 / check reach, TLS, clock, credentials and profile."""
    codes = []
    with explained():
        typer.echo(f"✓ shuyuan-client {version('shuyuan-client')}")
        sign_in = SignIn(profile, base_url, client_id, client_secret, login, device)
        for found in _findings(sign_in):
            typer.echo(f"{_mark(found)} {found.told}")
            if found.remedy is not None:
                typer.echo(f"  → {found.remedy}")
                codes.append(found.exit_code)
    if any(codes):
        raise typer.Exit(max(codes))


def _mark(found: Finding) -> str:
    return "✓" if found.remedy is None else "!" if found.doubtful else "✗"


class SignIn(NamedTuple):
    """Who is to be signed in, as the options say."""

    profile: Path | None
    base_url: str | None
    client_id: str | None
    secret: str | None
    login: bool = False
    device: bool = False

    def client(self) -> tuple[ExchangeClient, Path | None]:
        """Return the client, and the file of its private key; raises Failure."""
        if self.login or self.device:
            person = caller(*self[:4], login=self.login, device=self.device)
            return person, None
        found = credentials(*self[:4])
        return ExchangeClient(found.base_url, found.grant), found.key_file


def _findings(sign_in: SignIn) -> Iterator[Finding]:
    if sign_in.profile is not None:
        yield profile_rights(sign_in.profile)
    try:
        client, key_file = sign_in.client()
    except Failure as failure:
        yield Finding(
            say("地址或凭据不可用", "address or credentials cannot be used"), failure.sentence
        )
        return
    with client:
        if key_file is not None:
            yield _own_key(key_file)
        yield transport(client.base_url)
        answer, reached = reach(client.base_url)
        yield reached
        if answer is not None:
            yield clock(answer.headers.get("Date", ""), time.time())
            yield from _signed_in(client, key_file)


def _own_key(path: Path) -> Finding:
    """Say by which key the client signs; one that others can read was refused before."""
    return Finding(
        say(f"以私钥 {path} 登录，仅本人可读", f"signs with {path}, which is its owner's alone")
    )


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
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, ImportError, OSError) as error:
        reason = str(error) or type(error).__name__
        return None, Finding(
            say(f"连接不上 {base_url}：{reason}", f"{base_url} does not answer: {reason}"),
            _remedy_of_reach(reason),
            EXIT_UNREACHABLE,
        )
    if answer.status_code != READY:
        return answer, readiness(answer.status_code, json_object(answer))
    return answer, Finding(say("平台可达且就绪", "it is reached and ready"))


def _remedy_of_reach(reason: str) -> str:
    for part, (chinese, english) in CERTIFICATES.items():
        if part in reason:
            return say(chinese, english)
    return say("检查地址、网络与防火墙", "check address, network and firewall")


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


def _signed_in(client: ExchangeClient, key_file: Path | None) -> Iterator[Finding]:
    try:
        me = client.ask("GET", "/v1/me")
    except Unreachable as failure:
        yield Finding(say("未能登录", "not signed in"), failure.sentence, failure.exit_code)
        return
    except Failure as failure:
        yield Finding(
            say(f"未能登录：{failure}", f"not signed in: {failure}"),
            _remedy_of_key() if key_file is not None else _remedy_of_secret(),
        )
        return
    name, department = me.get("name") or me.get("id"), me.get("department_name") or ""
    scopes = " ".join(me.get("scopes", ()))
    yield Finding(
        say(f"登录为 {name}（{department}）：{scopes}", f"{name}, {department}: {scopes}")
    )
    if OPERATOR in me.get("roles", ()) and ADMIN in me.get("scopes", ()):
        yield from operations(client.ask("GET", "/v1/status/findings"))


def _remedy_of_secret() -> str:
    return say(
        "核对应用系统标识与密钥；密钥可由负责人更换",
        "check client id and secret; the head can have the secret changed",
    )


def _remedy_of_key() -> str:
    return say(
        "核对应用系统标识，以及与该私钥对应的公钥是否登记在其 jwks 中（登记了 kid 的，"
        f"{KEY_ID} 须与之相同）；更换密钥时先由负责人登记新公钥，改用新私钥后再移除旧公钥",
        "check the client id, and that the public key of this private key is among its registered "
        f"jwks ({KEY_ID} is the kid, where they have one); to change keys the head registers the "
        "new public key first, and removes the old one once the new private key is in use",
    )
