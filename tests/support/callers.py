"""People and application systems as callers of a live gateway, over its public HTTP API."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx

CLI = "shuyuan-cli"
REDIRECT = "http://127.0.0.1:47113/callback"
RENEW_SECONDS = 60
NDJSON = "application/x-ndjson"


class Refused(AssertionError):
    """A call that a test took for granted was refused."""

    def __init__(self, answer: httpx.Response) -> None:
        request = answer.request
        super().__init__(f"{request.method} {request.url} → {answer.status_code}: {answer.text}")
        self.answer = answer


def told(answer: httpx.Response) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON of an answer; raises Refused unless it is a 2xx."""
    if not answer.is_success:
        raise Refused(answer)
    return answer.json() if answer.content else None


class Caller:
    """Somebody with a token, which is fetched when it is first needed.

    `get`, `post`, `put` and `patch` return the response whatever it says; `ask` returns its JSON
    and raises Refused when it is no success.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._token = ""
        self._ends_at = 0.0
        self._granting = asyncio.Lock()

    async def token(self) -> str:
        async with self._granting:
            if time.monotonic() > self._ends_at:
                granted = await self._grant()
                self._token = granted["access_token"]
                self._ends_at = time.monotonic() + granted["expires_in"] - RENEW_SECONDS
            return self._token

    def forget_token(self) -> None:
        self._ends_at = 0.0

    async def _grant(self) -> dict[str, Any]:
        raise NotImplementedError

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,  # noqa: ANN401 - any JSON
        **options: Any,  # noqa: ANN401 - options of httpx
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {await self.token()}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return await self._http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        return await self.send("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:  # noqa: ANN401
        return await self.send("POST", path, body, **options)

    async def put(self, path: str, body: Any = None, **options: Any) -> httpx.Response:  # noqa: ANN401
        return await self.send("PUT", path, body, **options)

    async def patch(self, path: str, body: Any = None, **options: Any) -> httpx.Response:  # noqa: ANN401
        return await self.send("PATCH", path, body, **options)

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:  # noqa: ANN401
        return told(await self.send(method, path, body, **options))


class Person(Caller):
    """A member of staff, who signs in with the HTML form (authorization code with PKCE)."""

    def __init__(
        self, http: httpx.AsyncClient, username: str, password: str, scope: str | None = None
    ) -> None:
        super().__init__(http)
        self.username, self.password, self._scope = username, password, scope

    async def _grant(self) -> dict[str, Any]:
        return await sign_in(self._http, self.username, self.password, self._scope)


class Recruit(Person):
    """A member of staff whom `security` registers when first needed: a password costs time."""

    def __init__(self, security: Caller, credentials: Mapping[str, str], **body: Any) -> None:  # noqa: ANN401
        super().__init__(security._http, credentials["username"], credentials["password"])
        self._security = security
        self._body: dict[str, Any] | None = {**credentials, **body}

    async def register(self) -> None:
        if self._body is not None:
            body, self._body = self._body, None
            await self._security.ask("POST", "/v1/people", body)

    async def _grant(self) -> dict[str, Any]:
        await self.register()
        return await super()._grant()


@dataclass(frozen=True)
class Pulled:
    """A page of records; `lag` counts the records after it."""

    records: list[dict[str, Any]]
    cursor: str
    lag: int | None
    answer: httpx.Response = field(repr=False)


class ClientApp(Caller):
    """An application system of a department, with its secret."""

    def __init__(
        self, http: httpx.AsyncClient, department: str, told_once: Mapping[str, Any]
    ) -> None:
        super().__init__(http)
        self.department = department
        self.id: str = told_once["client_id"]
        self.secret: str = told_once["client_secret"]

    async def _grant(self) -> dict[str, Any]:
        answer = await self._http.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=(self.id, self.secret)
        )
        granted: dict[str, Any] = told(answer)
        return granted

    async def try_publish(
        self,
        resource: str,
        lines: bytes | Sequence[Mapping[str, Any]],
        key: str | None = None,
        **params: str,
    ) -> httpx.Response:
        """Publish records, or a body as it is; `params` are those of the query."""
        headers = {"Content-Type": NDJSON} | ({} if key is None else {"Idempotency-Key": key})
        body = lines if isinstance(lines, bytes) else ndjson(lines)
        path = f"/v1/resources/{resource}/records"
        return await self.send("POST", path, content=body, headers=headers, params=params)

    async def publish(
        self,
        resource: str,
        lines: bytes | Sequence[Mapping[str, Any]],
        key: str | None = None,
        **params: str,
    ) -> dict[str, Any]:
        """Return the receipt; raises Refused."""
        receipt: dict[str, Any] = told(await self.try_publish(resource, lines, key, **params))
        return receipt

    async def try_pull(
        self,
        subscription: str,
        cursor: str | None = None,
        limit: int | None = None,
        wait: float | None = None,
    ) -> httpx.Response:
        asked = {"cursor": cursor, "limit": limit, "wait": wait}
        params = {name: value for name, value in asked.items() if value is not None}
        return await self.get(
            f"/v1/subscriptions/{subscription}/records", params=params, timeout=240
        )

    async def pull(
        self,
        subscription: str,
        cursor: str | None = None,
        limit: int | None = None,
        wait: float | None = None,
    ) -> Pulled:
        """Return a page of records; raises Refused."""
        answer = await self.try_pull(subscription, cursor, limit, wait)
        if not answer.is_success:
            raise Refused(answer)
        records = [json.loads(line) for line in answer.content.splitlines()]
        lag = answer.headers.get("Exchange-Lag", "")
        return Pulled(
            records,
            answer.headers["Exchange-Next-Cursor"],
            int(lag) if lag.isdigit() else None,
            answer,
        )

    async def pull_all(self, subscription: str, cursor: str | None = None) -> Pulled:
        """Return everything from the cursor on, up to the first empty page."""
        page = await self.pull(subscription, cursor, limit=10_000)
        records = list(page.records)
        while page.records:
            page = await self.pull(subscription, page.cursor, limit=10_000)
            records += page.records
        return Pulled(records, page.cursor, page.lag, page.answer)


def ndjson(records: Sequence[Mapping[str, Any]]) -> bytes:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()


class _Form(HTMLParser):
    """The one form of the sign-in page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and given.get("name"):
            self.values[given["name"]] = given.get("value", "")


async def sign_in(
    http: httpx.AsyncClient, username: str, password: str, scope: str | None = None
) -> dict[str, Any]:
    """Sign in as a browser would, without cookies left behind, and return the token answer."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": CLI,
        "redirect_uri": REDIRECT,
        "state": secrets.token_urlsafe(8),
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    } | ({} if scope is None else {"scope": scope})
    async with httpx.AsyncClient(base_url=http.base_url, timeout=120) as browser:
        page = f"/oauth/authorize?{urlencode(query)}"
        sent = await fill_sign_in_form(browser, page, username, password)
        back = parse_qs(urlsplit(sent.headers["location"]).query)
        assert back["state"] == [query["state"]], back
        return await _exchange(browser, back["code"][0], verifier)


async def fill_sign_in_form(
    browser: httpx.AsyncClient, url: str, username: str, password: str
) -> httpx.Response:
    """Open the sign-in page and send its form; raises Refused unless it redirects."""
    page = await browser.get(url)
    form = _Form()
    form.feed(page.text)
    filled = form.values | {"username": username, "password": password}
    sent = await browser.post(urljoin(str(page.url), form.action), data=filled)
    if not sent.is_redirect:
        raise Refused(sent)
    return sent


async def _exchange(browser: httpx.AsyncClient, code: str, verifier: str) -> dict[str, Any]:
    answer = await browser.post(
        "/oauth/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "client_id": CLI,
            "redirect_uri": REDIRECT,
            "code_verifier": verifier,
        },
    )
    granted: dict[str, Any] = told(answer)
    return granted
