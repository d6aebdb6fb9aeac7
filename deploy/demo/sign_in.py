"""A member of staff signs in, as a browser does: the HTML form, then code and PKCE."""

import base64
import hashlib
import secrets
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from shuyuan_client.failures import Failure
from shuyuan_client.http import Grant

CLIENT_ID = "shuyuan-cli"
# Nothing listens there: the demo reads the code from the redirect itself.
REDIRECT = "http://127.0.0.1:18999/callback"
TIMEOUT_SECONDS = 30.0
UNAUTHORIZED = 401


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")


def signing_in(username: str, password: str) -> Grant:
    """Return a grant that signs this person in whenever a token is needed."""

    def grant(http: httpx.Client) -> httpx.Response:
        verifier = secrets.token_urlsafe(48)
        with httpx.Client(base_url=http.base_url, timeout=TIMEOUT_SECONDS) as browser:
            sent = _send_form(browser, _challenge(verifier), username, password)
            if sent.status_code == UNAUTHORIZED:
                raise _forgotten(username)
            if not sent.is_redirect:
                return sent
            code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
            return _exchange(browser, code, verifier)

    return grant


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _send_form(
    browser: httpx.Client, challenge: str, username: str, password: str
) -> httpx.Response:
    page = browser.get(
        "/oauth/authorize",
        params={
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT,
            "state": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        },
    )
    form = _Form()
    form.feed(page.text)
    filled = form.fields | {"username": username, "password": password}
    return browser.post(urljoin(str(page.url), form.action), data=filled)


def _exchange(browser: httpx.Client, code: str, verifier: str) -> httpx.Response:
    return browser.post(
        "/oauth/token",
        data={
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT,
            "code": code,
            "code_verifier": verifier,
        },
    )


def _forgotten(username: str) -> Failure:
    return Failure(
        f"{username} 的口令已被更改；请删除 .local/credentials.json 和 .local/demo/secrets.json，"
        "再运行 make demo，它们会被重新设置。",
        f"The password of {username} was changed; delete .local/credentials.json and "
        ".local/demo/secrets.json and run make demo, which sets them anew.",
    )
