"""Who calls the exchange from the terminal: a client by its profile, or a person by the browser."""

import os
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.client import ExchangeClient
from gateway.cli.login import by_browser
from gateway.cli.profile import BASE_URL, USUAL_BASE_URL, connect
from gateway.cli.wording import say

Login = Annotated[
    bool, typer.Option("--login", help=say("人员用浏览器登录", "staff: sign in by browser"))
]


def caller(
    profile: Path | None,
    base_url: str | None,
    client_id: str | None,
    client_secret: str | None,
    *,
    login: bool,
    scope: str | None = None,
) -> ExchangeClient:
    """Return a client of the exchange; raises Failure where the profile is incomplete."""
    if login:
        address = base_url or os.environ.get(BASE_URL) or USUAL_BASE_URL
        return ExchangeClient(address, by_browser(scope))
    return connect(profile, base_url, client_id, client_secret)
