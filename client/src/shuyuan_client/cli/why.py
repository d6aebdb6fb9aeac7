"""`shuyuan why`: which check a refused request failed, and what would make it pass."""

from typing import Annotated

import typer

from shuyuan_client.cli.callers import Device, Login, caller
from shuyuan_client.cli.explaining import explained
from shuyuan_client.cli.profile import BaseUrl, ClientId, ClientSecret, ProfileFile
from shuyuan_client.cli.words import CHECKS, word
from shuyuan_client.wording import in_english, say

MARKS = {"passed": "✓", "failed": "✗", "not_reached": "·"}


def why(
    correlation_id: Annotated[str, typer.Argument(help=say("关联号", "correlation id"))],
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    login: Login = False,
    device: Device = False,
) -> None:
    """说明请求为何被拒绝 / tell why a request was refused, by its correlation id."""
    with (
        explained(),
        caller(profile, base_url, client_id, client_secret, login=login, device=device) as client,
    ):
        told = client.ask(
            "POST",
            "/v1/me/explain",
            {"correlation_id": correlation_id},
            headers={"Accept-Language": "en" if in_english() else "zh"},
        )
    for check in told["checks"]:
        _tell(check)


def _tell(check: dict[str, object]) -> None:
    mark = MARKS[str(check["outcome"])]
    typer.echo(f"{mark} {word(CHECKS, str(check['check']))}")
    if check["outcome"] == "failed":
        typer.echo(f"  {check['code']}: {check['rule']}")
        if check["facts"]:
            typer.echo(f"  {check['facts']}")
        typer.echo(f"  → {check['remedy']}")
