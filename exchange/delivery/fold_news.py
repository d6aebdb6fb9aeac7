"""Wakes what waits for a resource to be folded: pages that are being gathered, and polls."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Ear:
    """Hears of one resource; a poll of `subscription_id` is woken to look again."""

    def __init__(self, subscription_id: str | None) -> None:
        self.subscription_id = subscription_id
        self._news = asyncio.Event()

    @property
    def heard(self) -> bool:
        return self._news.is_set()

    def hear(self) -> None:
        self._news.set()

    async def news(self, seconds: float) -> None:
        """Return when there were news since this was asked last, or when time is up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        self._news.clear()


class FoldNews:
    """Who waits for which resource; `wake` lets the polls of a subscription look again."""

    def __init__(self, wake: Callable[[str], None]) -> None:
        self._wake = wake
        self._ears: dict[str, set[Ear]] = {}

    @contextmanager
    def listening(self, resource_id: str, subscription_id: str | None = None) -> Iterator[Ear]:
        """Hear of a resource from here on."""
        ear = Ear(subscription_id)
        ears = self._ears.setdefault(resource_id, set())
        ears.add(ear)
        try:
            yield ear
        finally:
            ears.discard(ear)
            if not ears:
                self._ears.pop(resource_id, None)

    def folded(self, resource_id: str) -> None:
        """Tell whoever waits for it that a resource was folded further."""
        ears = self._ears.get(resource_id, ())
        for ear in ears:
            ear.hear()
        for subscription_id in {ear.subscription_id for ear in ears}:
            if subscription_id is not None:
                self._wake(subscription_id)
