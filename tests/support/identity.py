"""Signs in as a person would and gets tokens as an application system would, over HTTP."""

import asyncio
import hashlib
import secrets
from base64 import urlsafe_b64encode
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from kernel.identifiers import USCC_ALPHABET, make_uscc

CLI = "shuyuan-cli"
REDIRECT_URI = "http://127.0.0.1:53682/callback"
SECONDS = 120.0
_body = secrets.SystemRandom()


def new_uscc(region_code: str = "450000") -> str:
    """Return a fictitious code of a government body with right check places (GB 32100, 11714)."""
    body = "".join(_body.choices(USCC_ALPHABET, k=8))
    return make_uscc("1", "1", region_code[:6], body)


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


class Form(HTMLParser):
    """The one form of a page: where it goes and what it holds."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.method = ""
        self.fields: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.action, self.method = values.get("action") or "", values.get("method") or ""
        if tag == "input" and (name := values.get("name")):
            self.fields[name] = values.get("value") or ""


def authorization_query(verifier: str, scope: str | None = None, **more: str) -> dict[str, str]:
    query = {
        "response_type": "code",
        "client_id": CLI,
        "redirect_uri": REDIRECT_URI,
        "state": secrets.token_urlsafe(8),
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    return query | ({"scope": scope} if scope else {}) | more


async def fill_form(
    client: httpx.AsyncClient, query: dict[str, str], username: str, password: str
) -> httpx.Response:
    """Open the sign-in page, fill the form that it holds, send it where it says."""
    page = await client.get("/oauth/authorize", params=query)
    if page.status_code != httpx.codes.OK:
        return page
    form = Form(page.text)
    assert form.method == "post"
    filled = form.fields | {"username": username, "password": password}
    return await client.post(urljoin(str(page.url), form.action), data=filled)


def code_of(response: httpx.Response) -> str:
    """Return the code of a redirect back to the client."""
    assert response.status_code in (302, 303), response.text
    (code,) = parse_qs(urlsplit(response.headers["location"]).query)["code"]
    return code


async def exchange(client: httpx.AsyncClient, code: str, verifier: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "client_id": CLI,
        "code_verifier": verifier,
    }
    return await client.post("/oauth/token", data=form)


async def staff_tokens(
    base_url: str, username: str, password: str, scope: str | None = None
) -> dict[str, str]:
    """Return the whole answer of the token endpoint to a person who signs in."""
    verifier = secrets.token_urlsafe(48)
    async with httpx.AsyncClient(base_url=base_url, timeout=SECONDS) as client:
        query = authorization_query(verifier, scope)
        code = code_of(await fill_form(client, query, username, password))
        answer = await exchange(client, code, verifier)
    assert answer.status_code == httpx.codes.OK, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


async def sign_in(base_url: str, username: str, password: str, scope: str | None = None) -> str:
    """Return the access token of a person."""
    return (await staff_tokens(base_url, username, password, scope))["access_token"]


async def client_token(base_url: str, client_id: str, secret: str, scope: str | None = None) -> str:
    """Return the access token of an application system."""
    form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
    async with httpx.AsyncClient(base_url=base_url, timeout=SECONDS) as client:
        answer = await client.post("/oauth/token", data=form, auth=(client_id, secret))
    assert answer.status_code == httpx.codes.OK, answer.text
    return str(answer.json()["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def answers_of_workers(
    base_url: str, token: str, *, workers: int = 2
) -> dict[str, set[tuple[int, str]]]:
    """Ask who is calling, on new connections, until every worker answered; what each one said.

    Connections come in bursts: the kernel gives a lone one to whichever worker waits first.
    """
    said: dict[str, set[tuple[int, str]]] = {}
    headers = bearer(token) | {"Connection": "close"}
    async with httpx.AsyncClient(base_url=base_url, timeout=SECONDS) as http:
        for _ in range(100):
            burst = (http.get("/v1/me", headers=headers) for _ in range(16))
            for answer in await asyncio.gather(*burst):
                code = answer.json().get("code", "")
                worker = answer.headers["Exchange-Worker"]
                said.setdefault(worker, set()).add((answer.status_code, code))
            if len(said) == workers:
                return said
    raise AssertionError(f"only {len(said)} of {workers} workers answered")
