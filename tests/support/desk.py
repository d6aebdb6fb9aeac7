"""The two terminals of a sharing, and files for them."""

import json
from pathlib import Path
from typing import Any

from tests.support.terminal import Terminal
from tests.support.world import Sharing


class Desk:
    """The provider's and the consumer's terminals on one sharing."""

    def __init__(self, sharing: Sharing, terminal: Terminal, base_url: str) -> None:
        self.sharing = sharing
        self.provider = terminal.of(sharing.publisher, base_url)
        self.consumer = terminal.of(sharing.subscriber, base_url)
        self.to = ("--resource", sharing.resource)
        self.of = ("--subscription", sharing.subscription)

    async def arrived(self) -> list[dict[str, Any]]:
        return (await self.sharing.subscriber.pull_all(self.sharing.subscription)).records

    async def state(self) -> dict[str, Any]:
        """Return what a consumer has after reading everything: data by key."""
        shown: dict[str, Any] = {}
        for record in await self.arrived():
            shown[record["key"]] = record.get("data")
        return {key: data for key, data in shown.items() if data is not None}

    async def keys(self) -> list[str]:
        return [record["key"] for record in await self.arrived()]

    async def kept(self) -> list[dict[str, Any]]:
        """Return what lies in quarantine."""
        path = f"/v1/resources/{self.sharing.resource}/quarantine"
        listed = await self.sharing.publisher.ask("GET", path)
        items: list[dict[str, Any]] = listed["items"]
        return items


def records(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"r{n}", "name": f"名称 {n}", "amount": n} for n in range(start, start + count)]


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    """Write NDJSON, and return the path."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path
