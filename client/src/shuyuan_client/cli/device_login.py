"""Signing in where no browser is: with a code, by the browser of another device (RFC 8628)."""

import time
from http import HTTPStatus

import httpx
import typer

from shuyuan_client.cli.login import CLIENT_ID
from shuyuan_client.failures import Failure
from shuyuan_client.http import Grant, Refused
from shuyuan_client.wording import say

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
# RFC 8628 section 3.5: how much longer to wait after `slow_down`.
SLOWER_SECONDS = 5
BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def by_device(scope: str | None) -> Grant:
    """Return a grant that shows where to sign in, and asks until somebody has."""

    def grant(http: httpx.Client) -> httpx.Response:
        form = {"client_id": CLIENT_ID} | ({} if scope is None else {"scope": scope})
        begun = http.post("/oauth/device_authorization", data=form)
        if begun.status_code != HTTPStatus.OK:
            return begun
        told = begun.json()
        where, code = told["verification_uri"], told["user_code"]
        typer.echo(
            say(
                f"请在任一设备的浏览器中打开 {where} ，输入代码 {code}",
                f"Open {where} in a browser on any device and enter the code {code}",
            ),
            err=True,
        )
        return _decided(http, told["device_code"], told["interval"], told["expires_in"])

    return grant


def _decided(
    http: httpx.Client, device_code: str, interval: float, seconds: float
) -> httpx.Response:
    """Return the answer once somebody has decided; raises Failure when nobody does."""
    form = {"grant_type": GRANT_TYPE, "client_id": CLIENT_ID, "device_code": device_code}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(interval)
        try:
            answer = http.post("/oauth/token", data=form)
        except httpx.TransportError:
            interval += SLOWER_SECONDS
            continue
        if answer.status_code in BUSY:
            continue
        if answer.status_code != HTTPStatus.BAD_REQUEST:
            return answer
        error = Refused(answer).code
        if error == "access_denied":
            raise Failure("登录已被拒绝。", "The sign-in was refused.")
        if error == "slow_down":
            interval += SLOWER_SECONDS
        elif error != "authorization_pending":
            return answer
    raise Failure("未等到登录；请重试。", "Nobody signed in; try again.")
