"""Who calls the exchange from the terminal: a client by its profile, or a person by the browser."""

import os
from pathlib import Path
from typing import Annotated

import typer

from shuyuan_client.cli.device_login import by_device
from shuyuan_client.cli.login import by_browser
from shuyuan_client.cli.profile import BASE_URL, USUAL_BASE_URL, connect
from shuyuan_client.failures import Failure
from shuyuan_client.http import ExchangeClient
from shuyuan_client.wording import say

Login = Annotated[
    bool, typer.Option("--login", help=say("人员用浏览器登录", "staff: sign in by browser"))
]
Device = Annotated[
    bool,
    typer.Option(
        "--device",
        help=say("与 --login 同用：在另一设备的浏览器上登录", "with --login: on another device"),
    ),
]


def caller(
    profile: Path | None,
    base_url: str | None,
    client_id: str | None,
    client_secret: str | None,
    *,
    login: bool,
    device: bool = False,
    scope: str | None = None,
) -> ExchangeClient:
    """Return a client of the exchange; raises Failure where the profile is incomplete."""
    if login:
        address = base_url or os.environ.get(BASE_URL) or USUAL_BASE_URL
        return ExchangeClient(address, by_device(scope) if device else by_browser(scope))
    if device:
        raise Failure("--device 须与 --login 同用。", "--device goes with --login.")
    return connect(profile, base_url, client_id, client_secret)
