"""A client of the exchange's HTTP API: tokens, retries, records in and out."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from shuyuan_client import core
from shuyuan_client.core import PAGE_LIMIT, PATIENCE_SECONDS, Core, OnWait, Steps, T
from shuyuan_client.grants import Grant, with_secret
from shuyuan_client.models import Kept, Page, Receipt
from shuyuan_client.refusals import Json, Refused, json_object

__all__ = ["ExchangeClient", "Grant", "Json", "Kept", "Page", "Refused", "with_secret"]


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
        on_wait: OnWait = core.say_nothing,
    ) -> None:
        self._core = Core(base_url, patience_seconds, on_wait)
        self.base_url = self._core.base_url
        with core.usable(base_url):
            self._http = httpx.Client(
                base_url=base_url, timeout=core.TIMEOUT_SECONDS, headers=core.headers()
            )
        self._grant = grant

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
        return self._run(self._core.token())

    def ask(self, method: str, path: str, body: object = None, **options: Any) -> Json:  # noqa: ANN401
        """Send JSON and return the JSON answer; raises Refused, Unreachable."""
        return self._run(self._core.ask(method, path, body, **options))

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Return a 2xx answer; raises Refused, Unreachable."""
        return self._run(self._core.send(method, path, **options))

    def publish(
        self,
        resource_id: str,
        body: bytes,
        *,
        key: str | None = None,
        op: str = "upsert",
        on_invalid: str = "reject",
        replacement: str | None = None,
    ) -> tuple[Json, bool]:
        """Publish NDJSON; return the receipt, and whether it is that of an earlier try.

        `replacement` is the full replacement that the records are loaded for.
        """
        steps = self._core.publish(
            resource_id, body, key=key, op=op, on_invalid=on_invalid, replacement=replacement
        )
        answer, replayed = self._run(steps)
        return json_object(answer), replayed

    def publish_typed(
        self,
        resource_id: str,
        body: bytes,
        *,
        key: str,
        op: str = "upsert",
        on_invalid: str = "reject",
    ) -> Receipt:
        """Publish NDJSON once, however often it is called with the same key and body."""
        steps = self._core.publish(resource_id, body, key=key, op=op, on_invalid=on_invalid)
        return core.receipt(self._run(steps)[0])

    def page(
        self,
        subscription_id: str,
        cursor: str | None = None,
        *,
        limit: int = PAGE_LIMIT,
        wait_seconds: float = 0,
    ) -> Page:
        """Pull a page; raises CursorExpired, GenerationChanged and other Refused."""
        steps = self._core.page(subscription_id, cursor, limit=limit, wait_seconds=wait_seconds)
        return self._run(steps)

    def pages(
        self, subscription_id: str, cursor: str | None = None, *, limit: int = PAGE_LIMIT
    ) -> Iterator[Page]:
        """Yield pages up to what the log holds now; the last one is empty."""
        while True:
            page = self.page(subscription_id, cursor, limit=limit)
            yield page
            if not core.goes_on(page):
                return
            cursor = page.next_cursor

    def quarantine(self, resource_id: str, receipt_id: str | None) -> Iterator[Kept]:
        """Yield the records in quarantine of a resource, or of one publish, the oldest first."""
        params = core.quarantine_params(receipt_id)
        while True:
            page = self._run(self._core.kept(resource_id, params))
            yield from page.items
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def resolve(self, resource_id: str, body: Json) -> int:
        """Remove records from quarantine, and return how many there were."""
        return self._run(self._core.resolve(resource_id, body))

    def commit(self, subscription_id: str, cursor: str) -> None:
        """Store the cursor as the subscription's position."""
        self._run(self._core.commit(subscription_id, cursor))

    def rewind(self, subscription_id: str, to: str) -> str:
        """Return a cursor at `earliest`, `latest`, or a time with offset."""
        return self._run(self._core.rewind(subscription_id, to))

    def _run(self, steps: Steps[T]) -> T:
        """Carry the steps of an operation out."""
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._carry_out(step)
                except httpx.TransportError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            value: T = done.value
            return value

    def _carry_out(self, step: core.Step) -> httpx.Response | None:
        if isinstance(step, core.Send):
            return self._http.request(step.method, step.path, **step.options)
        if isinstance(step, core.SignIn):
            return self._grant(self._http)
        time.sleep(step.seconds)
        return None
