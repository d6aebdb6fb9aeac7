"""Where the exchange is and who calls it: options, the environment, or a profile file."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from shuyuan_client.cli.progress import Meter
from shuyuan_client.failures import Failure, unusable_file
from shuyuan_client.grants import ClientGrant, with_key, with_secret
from shuyuan_client.http import ExchangeClient
from shuyuan_client.wording import say

BASE_URL, CLIENT_ID, SECRET = "SHUYUAN_BASE_URL", "SHUYUAN_CLIENT_ID", "SHUYUAN_CLIENT_SECRET"
# In place of a secret: the file of a private key (private_key_jwt), and its `kid` if it has one.
KEY_FILE, KEY_ID = "SHUYUAN_CLIENT_KEY_FILE", "SHUYUAN_CLIENT_KEY_ID"
USUAL_BASE_URL = "http://127.0.0.1:8000"
# What nobody but its owner may have of a file with a secret in it.
OTHERS = 0o077
# A profile is some lines, a key some thousand bytes: what is longer is another file.
PROFILE_BYTES_MAX = 64 * 1024

ProfileFile = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        envvar="SHUYUAN_PROFILE",
        help=say(
            f"含 {BASE_URL}、{CLIENT_ID} 和 {SECRET}（或 {KEY_FILE}）的文件，每行 名=值",
            f"file with {BASE_URL}, {CLIENT_ID} and {SECRET} (or {KEY_FILE}), NAME=value a line",
        ),
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", help=say(f"平台地址（{BASE_URL}）", f"the exchange ({BASE_URL})")),
]
ClientId = Annotated[
    str | None,
    typer.Option("--client-id", help=say(f"应用系统标识（{CLIENT_ID}）", f"client ({CLIENT_ID})")),
]
ClientSecret = Annotated[
    str | None,
    typer.Option(
        "--client-secret",
        help=say(
            f"密钥；命令行对他人可见，宜用 {SECRET} 或配置文件",
            f"secret; others can see a command line: prefer {SECRET} or a profile",
        ),
    ),
]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the exchange is and how a client signs in; `key_file` is None where by secret."""

    base_url: str
    grant: ClientGrant
    key_file: Path | None = None


def connect(
    profile: Path | None,
    base_url: str | None,
    client_id: str | None,
    client_secret: str | None,
    meter: Meter | None = None,
) -> ExchangeClient:
    """Return a client; an option wins over the profile, the profile over the environment."""
    found = credentials(profile, base_url, client_id, client_secret)
    if meter is None:
        return ExchangeClient(found.base_url, found.grant)
    return ExchangeClient(found.base_url, found.grant, on_wait=meter.waiting)


def credentials(
    profile: Path | None, base_url: str | None, client_id: str | None, client_secret: str | None
) -> Credentials:
    """Return what options, profile and environment say; raises Failure where that is not enough."""
    options = {BASE_URL: base_url or "", CLIENT_ID: client_id or "", SECRET: client_secret or ""}
    written = {} if profile is None else read_profile(profile)
    known = {**os.environ, **written, **{name: each for name, each in options.items() if each}}
    sources = (options, written, os.environ)
    key_file = _key_file(sources)
    needed = (CLIENT_ID,) if key_file else (CLIENT_ID, SECRET)
    missing = [name for name in needed if not known.get(name)]
    if missing:
        raise _missing(missing)
    address = known.get(BASE_URL) or USUAL_BASE_URL
    if not key_file:
        return Credentials(address, with_secret(known[CLIENT_ID], known[SECRET]))
    path = _beside(profile, key_file) if written.get(KEY_FILE) else Path(key_file).expanduser()
    key = read_private(path)
    return Credentials(address, with_key(known[CLIENT_ID], key, known.get(KEY_ID) or None), path)


def _key_file(sources: tuple[Mapping[str, str], ...]) -> str:
    """Return the file of the key where that, and no secret, is what the nearest source names."""
    for source in sources:
        if source.get(SECRET) and source.get(KEY_FILE):
            raise Failure(
                f"{SECRET} 与 {KEY_FILE} 只能提供一个。",
                f"Name {SECRET} or {KEY_FILE}, not both.",
            )
        if source.get(SECRET) or source.get(KEY_FILE):
            return source.get(KEY_FILE, "")
    return ""


def _beside(profile: Path | None, name: str) -> Path:
    """Return the path that a profile names: one that is not absolute is seen from its folder."""
    folder = Path() if profile is None else profile.parent
    return folder / Path(name).expanduser()


def _missing(names: list[str]) -> Failure:
    told = " / ".join(names)
    return Failure(
        f"缺少 {told}；请用选项、环境变量或 --profile 提供应用系统凭据（以私钥代替密钥的，提供 "
        f"{KEY_FILE}）。",
        f"{told} is missing; name it by option, environment or --profile ({KEY_FILE} for a private "
        "key in place of a secret).",
    )


def read_private(path: Path) -> bytes:
    """Return the content of a file with a private key; raises Failure where others can read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(PROFILE_BYTES_MAX)
    except OSError as error:
        raise unusable_file(str(path), error) from error
    if stat.S_IMODE(mode) & OTHERS:
        raise Failure(
            f"私钥 {path} 可被他人读取，未使用；请先执行 chmod 600 {path} 。",
            f"Others can read the private key {path}, which was not used: chmod 600 {path}",
        )
    return content


def read_profile(path: Path) -> Mapping[str, str]:
    """Read NAME=value lines; `export`, quotes and comments are as in a shell."""
    try:
        with path.open("rb") as file:
            lines = file.read(PROFILE_BYTES_MAX).decode().splitlines()
    except OSError as error:
        raise unusable_file(str(path), error) from error
    except UnicodeDecodeError as error:
        raise Failure(
            f"配置文件 {path} 不是 UTF-8 文本；每行应为 名=值。",
            f"The profile {path} is not text in UTF-8; it has a NAME=value a line.",
        ) from error
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    return {
        name.strip(): value.strip().strip("'\"")
        for name, equals, value in pairs
        if equals and not name.startswith("#")
    }
