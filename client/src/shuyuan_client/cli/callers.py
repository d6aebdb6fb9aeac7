"""Who calls the exchange from the terminal: a client by its profile, or a person."""

import os
from pathlib import Path
from typing import Annotated

import typer

from shuyuan_client.cli.device_login import by_device
from shuyuan_client.cli.login import by_browser
from shuyuan_client.cli.profile import BASE_URL, CLIENT_ID, USUAL_BASE_URL, connect, read_profile
from shuyuan_client.cli.sign_ins import KeptSignIns, PersonClient, PersonGrant, state_file
from shuyuan_client.failures import Failure
from shuyuan_client.http import ExchangeClient
from shuyuan_client.wording import say

Login = Annotated[
    bool,
    typer.Option(
        "--login",
        help=say(
            "人员登录：用 shuyuan login 保存的登录，没有则打开浏览器",
            "as a person: by what shuyuan login keeps, else by browser",
        ),
    ),
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
) -> ExchangeClient:
    """Return a client of the exchange; raises Failure where the profile is incomplete.

    Where no client is named, a person who is signed in calls.
    """
    if device and not login:
        raise Failure("--device 须与 --login 同用。", "--device goes with --login.")
    address = address_of(profile, base_url)
    is_nobody = profile is None and not (client_id or os.environ.get(CLIENT_ID))
    if login or (is_nobody and kept().get(address.rstrip("/")) is not None):
        return person(address, device=device)
    return connect(profile, base_url, client_id, client_secret)


def person(
    address: str,
    *,
    device: bool = False,
    scope: str | None = None,
    keeps: bool = False,
    hands_on: bool = False,
) -> PersonClient:
    """Return a client that calls as a person; `keeps` the sign-in for other commands."""
    first = by_device(scope) if device else by_browser(scope)
    # What is kept may do everything: who asks for less signs in for that.
    kept_ones = kept() if scope is None or keeps else KeptSignIns(Path(os.devnull))
    grant = PersonGrant(address, first, kept_ones, keeps=keeps)
    return PersonClient(address, grant, hands_on=hands_on)


def address_of(profile: Path | None, base_url: str | None) -> str:
    """Return where the exchange is: by option, profile or environment."""
    written = {} if profile is None or base_url else read_profile(profile)
    return base_url or written.get(BASE_URL) or os.environ.get(BASE_URL) or USUAL_BASE_URL


def kept() -> KeptSignIns:
    return KeptSignIns(state_file())
