"""A client of the exchange's HTTP API: tokens, retries, records in and out."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from shuyuan_client.failures import Failure, Unreachable
from shuyuan_client.wording import in_english

TIMEOUT_SECONDS = 60.0
RENEW_SECONDS = 30
# Longer than a restart of a gateway or an election of a broker: a retry sits them out.
PATIENCE_SECONDS = 90.0
PAUSE_SECONDS = 0.5
PAUSE_MAX_SECONDS = 8.0
UNAUTHORIZED, TOO_MANY, UNAVAILABLE = 401, 429, 503
NDJSON = "application/x-ndjson"
PAGE_LIMIT = 5_000
ERRORS_TOLD = 3

Json = dict[str, Any]
Grant = Callable[[httpx.Client], httpx.Response]


class Refused(Failure):
    """A problem body (RFC 9457), or an OAuth error, as an exception."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.problem = _object(answer)
        self.code = str(self.problem.get("code") or self.problem.get("error") or "")
        detail = self.problem.get("detail") or self.problem.get("error_description")
        places = [f"{error['path']}: {error['message']}" for error in self.errors[:ERRORS_TOLD]]
        told = "; ".join([f"{detail or answer.reason_phrase} [{self.status} {self.code}]", *places])
        correlation = answer.headers.get("Exchange-Correlation-Id", "-")
        super().__init__(
            f"{told}（关联号 {correlation}）", f"{told} (correlation id {correlation})"
        )

    @property
    def errors(self) -> list[Json]:
        """Field errors, each with path, code, message and, for records, index."""
        return list(self.problem.get("errors", ()))


class Kept(msgspec.Struct):
    """A record in quarantine; `record` is its JSON, byte for byte, or a string that holds it."""

    id: str
    receipt_id: str
    index: int
    op: str
    record: msgspec.Raw
    errors: list[Json]
    error_count: int

    def line(self) -> bytes:
        """Return the record as it was received."""
        raw = bytes(self.record)
        return msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw


class KeptPage(msgspec.Struct):
    items: list[Kept]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of records as lines; `lag` is how many places of the log follow it, about."""

    lines: list[bytes]
    next_cursor: str
    lag: int


def with_secret(client_id: str, secret: str) -> Grant:
    """Client credentials with `client_secret_basic` (RFC 6749 section 4.4)."""
    form = {"grant_type": "client_credentials"}
    return lambda http: http.post("/oauth/token", data=form, auth=(client_id, secret))


class ExchangeClient:
    """Calls the exchange as whoever `grant` signs in; renews the token, sits out 429 and 503.

    After a lost connection or a 503 a request is repeated only where that is safe: when it reads,
    or carries an Idempotency-Key. An address that has never answered is not waited for. `on_wait`
    is told before each pause.
    """

    def __init__(
        self,
        base_url: str,
        grant: Grant,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        on_wait: Callable[[Failure, float], None] = lambda _failure, _seconds: None,
    ) -> None:
        headers = {"Accept-Language": "en" if in_english() else "zh"}
        self.base_url = base_url.rstrip("/")
        self._http = httpx.Client(base_url=base_url, timeout=TIMEOUT_SECONDS, headers=headers)
        self._grant = grant
        self._patience_seconds = patience_seconds
        self._on_wait = on_wait
        self._token = ""
        self._ends_at = 0.0
        self._has_answered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def token(self) -> str:
        """Return an access token, fetched anew shortly before the last one ends."""
        if time.monotonic() > self._ends_at:
            answer = self._patiently(lambda: self._grant(self._http), safe=True)
            granted = _object(answer)
            self._token = str(granted["access_token"])
            self._ends_at = time.monotonic() + int(granted["expires_in"]) - RENEW_SECONDS
        return self._token

    def ask(self, method: str, path: str, body: object = None, **options: Any) -> Json:  # noqa: ANN401
        """Send JSON and return the JSON answer; raises Refused, Unreachable."""
        if body is not None:
            options["json"] = body
        return _object(self.send(method, path, **options))

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Return a 2xx answer; raises Refused, Unreachable."""
        headers: dict[str, str] = options.pop("headers", {})
        safe = method == "GET" or "Idempotency-Key" in headers

        def once() -> httpx.Response:
            authorized = {"Authorization": f"Bearer {self.token()}", **headers}
            return self._http.request(method, path, headers=authorized, **options)

        def renewed() -> httpx.Response:
            answer = once()
            if answer.status_code == UNAUTHORIZED:
                self._ends_at = 0.0
                answer = once()
            return answer

        return self._patiently(renewed, safe=safe)

    def _patiently(self, call: Callable[[], httpx.Response], *, safe: bool) -> httpx.Response:
        """Return the first 2xx; raises the last failure when patience or safety end."""
        deadline = time.monotonic() + self._patience_seconds
        pause = PAUSE_SECONDS
        while True:
            answer, failure = self._try(call)
            if answer is not None and failure is None:
                return answer
            assert failure is not None  # noqa: S101 - narrows the type
            wait = _wait_seconds(answer, pause, safe=safe and self._has_answered)
            if wait is None or time.monotonic() + wait > deadline:
                raise failure
            self._on_wait(failure, wait)
            time.sleep(wait)
            pause = min(2 * pause, PAUSE_MAX_SECONDS)

    def publish(
        self,
        resource_id: str,
        body: bytes,
        *,
        key: str | None = None,
        op: str = "upsert",
        on_invalid: str = "reject",
    ) -> tuple[Json, bool]:
        """Publish NDJSON; return the receipt, and whether it is that of an earlier try."""
        headers = {"Content-Type": NDJSON} | ({"Idempotency-Key": key} if key else {})
        path = f"/v1/resources/{resource_id}/records"
        params = {"op": op, "on_invalid": on_invalid}
        answer = self.send("POST", path, content=body, headers=headers, params=params)
        return _object(answer), answer.headers.get("Idempotency-Replayed") == "true"

    def page(
        self,
        subscription_id: str,
        cursor: str | None = None,
        *,
        limit: int = PAGE_LIMIT,
        wait_seconds: float = 0,
    ) -> Page:
        params: dict[str, str | float] = {"limit": limit, "wait": wait_seconds}
        if cursor is not None:
            params["cursor"] = cursor
        path = f"/v1/subscriptions/{subscription_id}/records"
        answer = self.send("GET", path, params=params)
        headers = answer.headers
        lag = int(headers.get("Exchange-Lag", 0))
        return Page(answer.content.splitlines(), headers["Exchange-Next-Cursor"], lag)

    def pages(
        self, subscription_id: str, cursor: str | None = None, *, limit: int = PAGE_LIMIT
    ) -> Iterator[Page]:
        """Yield pages up to what the log holds now; the last one is empty."""
        while True:
            page = self.page(subscription_id, cursor, limit=limit)
            yield page
            # A page may be empty because the row filter hid everything: then the lag goes on.
            if not page.lines and not page.lag:
                return
            cursor = page.next_cursor

    def quarantine(self, resource_id: str, receipt_id: str | None) -> Iterator[Kept]:
        """Yield the records in quarantine of a resource, or of one publish, the oldest first."""
        params = {} if receipt_id is None else {"receipt_id": receipt_id}
        while True:
            answer = self.send("GET", f"/v1/resources/{resource_id}/quarantine", params=params)
            page = msgspec.json.decode(answer.content, type=KeptPage)
            yield from page.items
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def resolve(self, resource_id: str, body: Json) -> int:
        """Remove records from quarantine, and return how many there were."""
        path = f"/v1/resources/{resource_id}/quarantine/resolve"
        return int(self.ask("POST", path, body)["resolved"])

    def commit(self, subscription_id: str, cursor: str) -> None:
        """Store the cursor as the subscription's position."""
        self.ask("PUT", f"/v1/subscriptions/{subscription_id}/position", {"cursor": cursor})

    def rewind(self, subscription_id: str, to: str) -> str:
        """Return a cursor at `earliest`, `latest`, or a time with offset."""
        path = f"/v1/subscriptions/{subscription_id}/rewind"
        return str(self.ask("POST", path, {"to": to})["cursor"])

    def _try(
        self, call: Callable[[], httpx.Response]
    ) -> tuple[httpx.Response | None, Failure | None]:
        try:
            answer = call()
        except httpx.TransportError as error:
            return None, _unreachable(self.base_url, error)
        self._has_answered = True
        return answer, None if answer.is_success else Refused(answer)


def _wait_seconds(answer: httpx.Response | None, pause: float, *, safe: bool) -> float | None:
    """Return how long to wait before trying again, None where that is not safe or in vain."""
    if answer is None:
        return pause if safe else None
    if answer.status_code == TOO_MANY or (safe and answer.status_code == UNAVAILABLE):
        told = answer.headers.get("Retry-After", "")
        return max(float(told), pause) if told.isdigit() else pause
    return None


def _object(answer: httpx.Response) -> Json:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _unreachable(base_url: str, error: httpx.TransportError) -> Unreachable:
    reason = str(error) or type(error).__name__
    return Unreachable(
        f"连接不上 {base_url}：{reason}；请确认平台已启动（make up）、地址正确后重试。",
        f"{base_url} does not answer: {reason}; check that the exchange runs (make up), retry.",
    )
