"""`shuyuan token`: an access token for other tools."""

import os
from typing import Annotated

import typer

from gateway.cli.client import ExchangeClient
from gateway.cli.failures import explained
from gateway.cli.login import by_browser
from gateway.cli.profile import (
    BASE_URL,
    USUAL_BASE_URL,
    BaseUrl,
    ClientId,
    ClientSecret,
    ProfileFile,
    connect,
)
from gateway.cli.wording import say


def token(
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    login: Annotated[
        bool, typer.Option("--login", help=say("人员用浏览器登录", "staff: sign in by browser"))
    ] = False,
    scope: Annotated[
        str | None, typer.Option(help=say("登录时申请的权限", "scopes asked for when signing in"))
    ] = None,
) -> None:
    """打印访问令牌 / print an access token of a client, or of a person with --login."""
    with explained():
        if login:
            address = base_url or os.environ.get(BASE_URL) or USUAL_BASE_URL
            client = ExchangeClient(address, by_browser(scope))
        else:
            client = connect(profile, base_url, client_id, client_secret)
        with client:
            typer.echo(client.token())
