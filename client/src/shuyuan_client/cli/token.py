"""`shuyuan token`: an access token for other tools."""

from typing import Annotated

import typer

from shuyuan_client.cli.callers import Device, Login, address_of, caller, person
from shuyuan_client.cli.explaining import explained
from shuyuan_client.cli.profile import BaseUrl, ClientId, ClientSecret, ProfileFile
from shuyuan_client.http import ExchangeClient
from shuyuan_client.wording import say


def token(
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    login: Login = False,
    device: Device = False,
    scope: Annotated[
        str | None, typer.Option(help=say("登录时申请的权限", "scopes asked for when signing in"))
    ] = None,
) -> None:
    """打印访问令牌 / print an access token of a client, or of a person with --login."""
    with explained():
        if login:
            address = address_of(profile, base_url)
            client: ExchangeClient = person(address, device=device, scope=scope, hands_on=True)
        else:
            client = caller(profile, base_url, client_id, client_secret, login=False, device=device)
        with client:
            typer.echo(client.token())
