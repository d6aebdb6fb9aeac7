"""`shuyuan token`: an access token for other tools."""

import typer

from gateway.cli.failures import explained
from gateway.cli.profile import BaseUrl, ClientId, ClientSecret, ProfileFile, connect


def token(
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
) -> None:
    """打印应用系统的访问令牌 / print an access token of a client."""
    with explained(), connect(profile, base_url, client_id, client_secret) as client:
        typer.echo(client.token())
