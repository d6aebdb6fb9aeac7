"""Where the exchange is and who calls it: options, the environment, or a profile file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from shuyuan_client.cli.progress import Meter
from shuyuan_client.failures import Failure, unusable_file
from shuyuan_client.http import ExchangeClient, with_secret
from shuyuan_client.wording import say

BASE_URL, CLIENT_ID, SECRET = "SHUYUAN_BASE_URL", "SHUYUAN_CLIENT_ID", "SHUYUAN_CLIENT_SECRET"
USUAL_BASE_URL = "http://127.0.0.1:8000"

ProfileFile = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        envvar="SHUYUAN_PROFILE",
        help=say(
            f"含 {BASE_URL}、{CLIENT_ID}、{SECRET} 的文件，每行 名=值",
            f"file with {BASE_URL}, {CLIENT_ID}, {SECRET}, a NAME=value a line",
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


def connect(
    profile: Path | None,
    base_url: str | None,
    client_id: str | None,
    client_secret: str | None,
    meter: Meter | None = None,
) -> ExchangeClient:
    """Return a client; an option wins over the profile, the profile over the environment."""
    given = {BASE_URL: base_url, CLIENT_ID: client_id, SECRET: client_secret}
    known = {**os.environ, **({} if profile is None else read_profile(profile))}
    chosen = {name: value or known.get(name, "") for name, value in given.items()}
    missing = [name for name in (CLIENT_ID, SECRET) if not chosen[name]]
    if missing:
        told = " / ".join(missing)
        raise Failure(
            f"缺少 {told}；请用选项、环境变量或 --profile 提供应用系统凭据。",
            f"{told} is missing; name it by option, environment or --profile.",
        )
    grant = with_secret(chosen[CLIENT_ID], chosen[SECRET])
    address = chosen[BASE_URL] or USUAL_BASE_URL
    if meter is None:
        return ExchangeClient(address, grant)
    return ExchangeClient(address, grant, on_wait=meter.waiting)


def read_profile(path: Path) -> Mapping[str, str]:
    """Read NAME=value lines; `export`, quotes and comments are as in a shell."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise unusable_file(str(path), error) from error
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    return {
        name.strip(): value.strip().strip("'\"")
        for name, equals, value in pairs
        if equals and not name.startswith("#")
    }
