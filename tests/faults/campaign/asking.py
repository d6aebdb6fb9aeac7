"""Asking again and again while faults strike, and accusing what no fault excuses."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from kernel import database
from shuyuan_client.failures import Failure
from tests.faults.campaign.wire import Watch
from tests.support.callers import Refused

PAUSE_SECONDS = 0.4
STUCK_SECONDS = 240.0
# A record that is not folded yet, an upload that stands elsewhere, a limit, what is away.
EXPECTED_REFUSALS = frozenset({404, 409, 429, 503})


class RefusedNow(Exception):
    """A refusal that faults excuse: it is asked again."""


# Asked again after these; a token that is not given is told by the second.
AGAIN = (RefusedNow, Refused, httpx.TransportError)
# And a department's own database, which is killed as well.
AWAY = (*AGAIN, Failure, *database.AWAY)


@dataclass
class Asking:
    """`done` counts the turns of each kind."""

    watch: Watch
    done: Counter[str] = field(default_factory=Counter)

    async def repeat(self, turn: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        name = turn.__name__.lstrip("_")
        while not stop.is_set():
            try:
                await turn()
                self.done[name] += 1
            except AWAY:
                self.done[f"{name} refused"] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    def taken(self, answer: httpx.Response) -> httpx.Response:
        """Return a success; accuse what no fault excuses."""
        if answer.is_success:
            return answer
        is_told = answer.request.method == "HEAD" or "code" in answer.text
        if answer.status_code not in EXPECTED_REFUSALS or not is_told:
            asked = f"{answer.request.method} {answer.request.url.path}"
            self.watch.accuse(f"{asked}: {answer.status_code} {answer.text[:300]}")
        raise RefusedNow(f"{answer.status_code} {answer.text[:200]}")

    async def insisted(self, ask: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Ask again through any fault; what is refused for much longer than one lasts is stuck."""
        ends_at = time.monotonic() + STUCK_SECONDS
        while True:
            try:
                return await ask()
            except AGAIN as error:
                if time.monotonic() > ends_at:
                    self.watch.accuse(f"stuck for {STUCK_SECONDS:.0f} s: {error!r}")
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
