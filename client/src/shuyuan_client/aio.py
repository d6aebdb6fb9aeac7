"""The same client for programs that are asynchronous: one core, another way to carry it out."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import httpx

from shuyuan_client import core
from shuyuan_client.core import PAGE_LIMIT, PATIENCE_SECONDS, Core, OnWait, Steps, T
from shuyuan_client.grants import TOKEN, ClientGrant
from shuyuan_client.models import Kept, Page, Receipt
from shuyuan_client.refusals import Json


class AsyncExchangeClient:
    """Calls the exchange as a client; what it repeats and raises is as of ExchangeClient."""

    def __init__(
        self,
        base_url: str,
        grant: ClientGrant,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        on_wait: OnWait = core.say_nothing,
    ) -> None:
        self._core = Core(base_url, patience_seconds, on_wait)
        self.base_url = self._core.base_url
        with core.usable(base_url):
            self._http = httpx.AsyncClient(
                base_url=base_url, timeout=core.TIMEOUT_SECONDS, headers=core.headers()
            )
        self._grant = grant

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def token(self) -> str:
        return await self._run(self._core.token())

    async def ask(self, method: str, path: str, body: object = None, **options: Any) -> Json:  # noqa: ANN401
        """Send JSON and return the JSON answer; raises Refused, Unreachable."""
        return await self._run(self._core.ask(method, path, body, **options))

    async def publish(
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
        return core.receipt((await self._run(steps))[0])

    async def page(
        self,
        subscription_id: str,
        cursor: str | None = None,
        *,
        limit: int = PAGE_LIMIT,
        wait_seconds: float = 0,
    ) -> Page:
        """Pull a page; raises CursorExpired, GenerationChanged and other Refused."""
        steps = self._core.page(subscription_id, cursor, limit=limit, wait_seconds=wait_seconds)
        return await self._run(steps)

    async def pages(
        self, subscription_id: str, cursor: str | None = None, *, limit: int = PAGE_LIMIT
    ) -> AsyncIterator[Page]:
        """Yield pages up to what the log holds now; the last one is empty."""
        while True:
            page = await self.page(subscription_id, cursor, limit=limit)
            yield page
            if not core.goes_on(page):
                return
            cursor = page.next_cursor

    async def quarantine(self, resource_id: str, receipt_id: str | None) -> AsyncIterator[Kept]:
        """Yield the records in quarantine of a resource, or of one publish, the oldest first."""
        params = core.quarantine_params(receipt_id)
        while True:
            page = await self._run(self._core.kept(resource_id, params))
            for kept in page.items:
                yield kept
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    async def commit(self, subscription_id: str, cursor: str) -> None:
        """Store the cursor as the subscription's position."""
        await self._run(self._core.commit(subscription_id, cursor))

    async def rewind(self, subscription_id: str, to: str) -> str:
        """Return a cursor at `earliest`, `latest`, or a time with offset."""
        return await self._run(self._core.rewind(subscription_id, to))

    async def _run(self, steps: Steps[T]) -> T:
        """Carry the steps of an operation out."""
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._carry_out(step)
                except httpx.TransportError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            value: T = done.value
            return value

    async def _carry_out(self, step: core.Step) -> httpx.Response | None:
        if isinstance(step, core.Send):
            return await self._http.request(step.method, step.path, **step.options)
        if isinstance(step, core.SignIn):
            form, basic = self._grant.form(self.base_url)
            return await self._http.post(TOKEN, data=form, auth=basic or httpx.USE_CLIENT_DEFAULT)
        await asyncio.sleep(step.seconds)
        return None
