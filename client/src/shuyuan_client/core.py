"""What both clients do, without doing it: requests, retries, what answers mean (sans I/O).

Each operation is a generator of steps; a client carries them out and sends back what came of it,
or throws the transport's error into it.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import httpx
import msgspec

from shuyuan_client.failures import Failure, Unreachable
from shuyuan_client.models import KeptPage, Page, Receipt
from shuyuan_client.refusals import Json, json_object, refusal, retry_after
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


@dataclass(frozen=True, slots=True)
class SignIn:
    """Get a token; answered by the response of the token endpoint."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; answered by its response."""

    method: str
    path: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


Step = SignIn | Send | Pause
T = TypeVar("T")
Steps = Generator[Step, httpx.Response | None, T]
OnWait = Callable[[Failure, float], None]


@contextmanager
def usable(base_url: str) -> Iterator[None]:
    """Turn an address, a proxy or certificates that no client can be made of into a Failure."""
    if urlsplit_or_none(base_url) is None:
        raise Failure(
            f"平台地址应如 https://share.example：{base_url}",
            f"The address of the exchange is like https://share.example: {base_url}",
        )
    try:
        yield
    except (httpx.InvalidURL, ValueError, ImportError, OSError) as error:
        raise Failure(
            f"无法连接 {base_url}：{error}；请检查平台地址、代理（HTTPS_PROXY、ALL_PROXY）与证书"
            "（SSL_CERT_FILE）的设置。",
            f"{base_url} cannot be called: {error}; check the address, the proxy (HTTPS_PROXY, "
            "ALL_PROXY) and the certificates (SSL_CERT_FILE).",
        ) from error


def urlsplit_or_none(base_url: str) -> SplitResult | None:
    """Return the parts of an address of http or https, None of anything else."""
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} and parts.hostname else None


@contextmanager
def understood(base_url: str) -> Iterator[None]:
    """Turn a 2xx that is not the exchange's, such as a portal's page, into a Failure."""
    try:
        yield
    except (LookupError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise _other_service(base_url) from error


def say_nothing(_failure: Failure, _seconds: float) -> None:
    """Wait without a word."""


def headers() -> Mapping[str, str]:
    """Return the headers of every request."""
    return {"Accept-Language": "en" if in_english() else "zh"}


class Core:
    """Holds the token; after a lost connection or a 503 it repeats only what is safe to repeat.

    That is what reads, or carries an Idempotency-Key. An address that has never answered is not
    waited for. `on_wait` is told before each pause.
    """

    def __init__(self, base_url: str, patience_seconds: float, on_wait: OnWait) -> None:
        self.base_url = base_url.rstrip("/")
        self._patience_seconds = patience_seconds
        self._on_wait = on_wait
        self._token = ""
        self._ends_at = 0.0
        self._has_answered = False

    def token(self) -> Steps[str]:
        """Return an access token, fetched anew shortly before the last one ends."""
        if time.monotonic() > self._ends_at:
            answer = yield from self._patiently(_sign_in, safe=True)
            granted = json_object(answer)
            token = granted.get("access_token")
            if not (isinstance(token, str) and token.isascii() and token.isprintable()):
                raise _other_service(self.base_url)
            self._token = token
            with understood(self.base_url):
                seconds = int(granted.get("expires_in", RENEW_SECONDS))
            self._ends_at = time.monotonic() + seconds - RENEW_SECONDS
        return self._token

    def send(self, method: str, path: str, **options: Any) -> Steps[httpx.Response]:  # noqa: ANN401
        """Return a 2xx answer; raises Refused, Unreachable."""
        given: dict[str, str] = options.pop("headers", {})
        safe = method == "GET" or "Idempotency-Key" in given

        def once() -> Steps[httpx.Response]:
            token = yield from self.token()
            authorized = {"Authorization": f"Bearer {token}", **given}
            answer = yield Send(method, path, {**options, "headers": authorized})
            return _required(answer)

        def renewed() -> Steps[httpx.Response]:
            answer = yield from once()
            if answer.status_code == UNAUTHORIZED:
                self._ends_at = 0.0
                answer = yield from once()
            return answer

        return (yield from self._patiently(renewed, safe=safe))

    def ask(self, method: str, path: str, body: object = None, **options: Any) -> Steps[Json]:  # noqa: ANN401
        """Send JSON and return the JSON answer; raises Refused, Unreachable."""
        if body is not None:
            options["json"] = body
        answer = yield from self.send(method, path, **options)
        told = json_object(answer)
        if answer.content and not told:
            raise _other_service(self.base_url)
        return told

    def publish(
        self,
        resource_id: str,
        body: bytes,
        *,
        key: str | None,
        op: str,
        on_invalid: str,
        replacement: str | None = None,
    ) -> Steps[tuple[httpx.Response, bool]]:
        """Publish NDJSON; return the answer, and whether it is that of an earlier try."""
        given = {"Content-Type": NDJSON} | ({"Idempotency-Key": key} if key else {})
        path = f"/v1/resources/{resource_id}/records"
        params = {"op": op, "on_invalid": on_invalid}
        if replacement is not None:
            params["replacement"] = replacement
        answer = yield from self.send("POST", path, content=body, headers=given, params=params)
        return answer, answer.headers.get("Idempotency-Replayed") == "true"

    def page(
        self, subscription_id: str, cursor: str | None, *, limit: int, wait_seconds: float
    ) -> Steps[Page]:
        params: dict[str, str | float] = {"limit": limit, "wait": wait_seconds}
        if cursor is not None:
            params["cursor"] = cursor
        path = f"/v1/subscriptions/{subscription_id}/records"
        answer = yield from self.send("GET", path, params=params)
        with understood(self.base_url):
            lag = int(answer.headers.get("Exchange-Lag", 0))
            return Page(answer.content.splitlines(), answer.headers["Exchange-Next-Cursor"], lag)

    def kept(self, resource_id: str, params: Mapping[str, str]) -> Steps[KeptPage]:
        answer = yield from self.send(
            "GET", f"/v1/resources/{resource_id}/quarantine", params=params
        )
        with understood(self.base_url):
            return msgspec.json.decode(answer.content, type=KeptPage)

    def resolve(self, resource_id: str, body: Json) -> Steps[int]:
        path = f"/v1/resources/{resource_id}/quarantine/resolve"
        told = yield from self.ask("POST", path, body)
        with understood(self.base_url):
            return int(told["resolved"])

    def commit(self, subscription_id: str, cursor: str) -> Steps[None]:
        path = f"/v1/subscriptions/{subscription_id}/position"
        yield from self.ask("PUT", path, {"cursor": cursor})

    def rewind(self, subscription_id: str, to: str) -> Steps[str]:
        path = f"/v1/subscriptions/{subscription_id}/rewind"
        told = yield from self.ask("POST", path, {"to": to})
        with understood(self.base_url):
            return str(told["cursor"])

    def _patiently(
        self, call: Callable[[], Steps[httpx.Response]], *, safe: bool
    ) -> Steps[httpx.Response]:
        """Return the first 2xx; raises the last failure when patience or safety end."""
        deadline = time.monotonic() + self._patience_seconds
        pause = PAUSE_SECONDS
        while True:
            answer, failure = yield from self._try(call)
            if answer is not None and failure is None:
                return answer
            assert failure is not None  # noqa: S101 - narrows the type
            wait = _wait_seconds(answer, pause, safe=safe and self._has_answered)
            if wait is None or time.monotonic() + wait > deadline:
                raise failure
            self._on_wait(failure, wait)
            yield Pause(wait)
            pause = min(2 * pause, PAUSE_MAX_SECONDS)

    def _try(
        self, call: Callable[[], Steps[httpx.Response]]
    ) -> Steps[tuple[httpx.Response | None, Failure | None]]:
        try:
            answer = yield from call()
        except httpx.TransportError as error:
            return None, _unreachable(self.base_url, error)
        self._has_answered = True
        return answer, None if answer.is_success else refusal(answer)


def receipt(answer: httpx.Response) -> Receipt:
    """Return the receipt of a publish, typed."""
    with understood(str(answer.url)):
        return msgspec.json.decode(answer.content, type=Receipt)


def goes_on(page: Page) -> bool:
    """Whether the log holds more now: a row filter may have hidden all of an empty page."""
    return bool(page.lines or page.lag)


def quarantine_params(receipt_id: str | None) -> dict[str, str]:
    return {} if receipt_id is None else {"receipt_id": receipt_id}


def _sign_in() -> Steps[httpx.Response]:
    return _required((yield SignIn()))


def _required(answer: httpx.Response | None) -> httpx.Response:
    assert answer is not None  # noqa: S101 - narrows the type
    return answer


def _wait_seconds(answer: httpx.Response | None, pause: float, *, safe: bool) -> float | None:
    """Return how long to wait before trying again, None where that is not safe or in vain."""
    if answer is None:
        return pause if safe else None
    if answer.status_code == TOO_MANY or (safe and answer.status_code == UNAVAILABLE):
        return max(retry_after(answer) or 0.0, pause)
    return None


def _other_service(base_url: str) -> Failure:
    return Failure(
        f"{base_url} 的应答不是数源平台的应答；请核对平台地址，以及是否经过须先登录的上网认证页。",
        f"What {base_url} answers is not an answer of the exchange; check the address, and whether "
        "a portal stands before it that wants you to sign in.",
    )


def _unreachable(base_url: str, error: httpx.TransportError) -> Unreachable:
    reason = str(error) or type(error).__name__
    return Unreachable(
        f"连接不上 {base_url}：{reason}；请核对地址与网络后重试，shuyuan doctor 可逐项检查。",
        f"{base_url} does not answer: {reason}; check address and network, then retry; shuyuan "
        "doctor looks at each.",
    )
