"""Signing in by the browser, which comes back to a loopback address (RFC 8252, PKCE)."""

import base64
import hashlib
import secrets
import time
import webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import typer

from shuyuan_client.failures import Failure
from shuyuan_client.http import Grant
from shuyuan_client.refusals import json_object
from shuyuan_client.wording import say

CLIENT_ID = "shuyuan-cli"
PATIENCE_SECONDS = 300.0
SILENCE_SECONDS = 2.0
CALLBACK = "/callback"
METADATA = "/.well-known/oauth-authorization-server"


class _Listener(HTTPServer):
    """Waits for the one request that brings the code."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Callback)
        self.timeout = 1.0
        self.came: dict[str, str] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{CALLBACK}"

    def code(self, state: str, issuer: str | None) -> str:
        """Return the code; raises Failure when the person refuses or does not come.

        `issuer` is who may have sent it (RFC 9207), None where nobody has said who.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.came.get("state") != state:
            if time.monotonic() > deadline:
                raise Failure("未等到登录；请重试。", "Nobody signed in; try again.")
            self.handle_request()
        if issuer is not None and self.came.get("iss", issuer) != issuer:
            told = self.came["iss"]
            raise Failure(
                f"登录来自 {told}，不是 {issuer}；未采用，请核对平台地址。",
                f"{told} answered and not {issuer}: it was not taken. Check the address.",
            )
        if "code" not in self.came:
            error = self.came.get("error", "?")
            raise Failure(f"登录未成功：{error}；请重试。", f"Not signed in: {error}; try again.")
        return self.came["code"]


class _Callback(BaseHTTPRequestHandler):
    server: _Listener
    # Browsers connect ahead of their requests, and may then send nothing.
    timeout = SILENCE_SECONDS

    def do_GET(self) -> None:
        """Take what the sign-in page sends back; anything else is not for us."""
        asked = urlsplit(self.path)
        if asked.path != CALLBACK:
            self.send_error(404)
            return
        self.server.came = dict(parse_qsl(asked.query))
        body = self._told().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _told(self) -> str:
        if "code" in self.server.came:
            return say(
                "请回到终端；此页可以关闭。", "Back to the terminal; this page may be closed."
            )
        return say(
            "未登录，原因见终端；此页可以关闭。",
            "Not signed in; the terminal says why. This page may be closed.",
        )

    def log_message(self, *_words: object) -> None:
        """Standard error is for people."""


def by_browser(scope: str | None) -> Grant:
    """Return a grant that opens the sign-in page and waits for the person."""

    def grant(http: httpx.Client) -> httpx.Response:
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        # Before a browser is sent there: whether the exchange answers, and who it says that it is.
        issuer = _issuer(http)
        with _Listener() as listener:
            _open(str(http.base_url), listener.address, verifier, state, scope)
            code = listener.code(state, issuer)
        form = {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "redirect_uri": listener.address,
            "code": code,
            "code_verifier": verifier,
        }
        return http.post("/oauth/token", data=form)

    return grant


def _issuer(http: httpx.Client) -> str | None:
    """Return who the exchange says that it is, by its metadata (RFC 8414)."""
    answer = http.get(METADATA)
    issuer = json_object(answer).get("issuer") if answer.is_success else None
    return issuer if isinstance(issuer, str) else None


def _open(base_url: str, redirect: str, verifier: str, state: str, scope: str | None) -> None:
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": redirect,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    } | ({} if scope is None else {"scope": scope})
    url = f"{base_url.rstrip('/')}/oauth/authorize?{urlencode(query)}"
    typer.echo(say(f"请在浏览器中登录：{url}", f"Sign in with a browser: {url}"), err=True)
    webbrowser.open(url)
