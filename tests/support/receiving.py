"""Receivers of pushes on this machine, with the verifier of the standard."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from standardwebhooks import Webhook

from tests.support.world import Department, Sharing, World

LOOPBACK = {"cidrs": ["127.0.0.0/8"]}
Json = dict[str, Any]


class Receiver:
    """Keeps what it was sent; `status` is its answer to records, `challenges` are answered."""

    def __init__(self) -> None:
        self.status = 200
        self.headers = ""
        self.answers_challenges = True
        self.secrets: list[str] = []
        self.messages: list[tuple[str, Any]] = []
        self.refused: list[str] = []
        self.waiting: list[str] = []
        # What was accepted as it came: head and body.
        self.accepted: list[tuple[dict[str, str], bytes]] = []
        self.held = asyncio.Event()
        self.held.set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/records"

    @property
    def records(self) -> list[Json]:
        """The records of all messages, each message once."""
        seen = dict(self.messages)
        return [each for body in seen.values() for each in body["data"]["records"]]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                exact = dict(line.split(": ", 1) for line in head[1:] if line)
                signed = {name.lower(): value for name, value in exact.items()}
                body = await reader.readexactly(int(fields["content-length"]))
                await self._answer(signed, body, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, head: dict[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        for secret in self.secrets:
            Webhook(secret).verify(body, head)
        said = json.loads(body)
        status, text = self.status, b""
        if isinstance(said, dict) and said["type"] == "endpoint.challenge":
            answer = said["data"] if self.answers_challenges else {}
            status, text = 200, json.dumps(answer).encode()
        else:
            self.waiting.append(head["webhook-id"])
            await self.held.wait()
            if self.status < 300:
                self.messages.append((head["webhook-id"], said))
                self.accepted.append((head, body))
            else:
                self.refused.append(head["webhook-id"])
                text = b"not now"
        writer.write(
            f"HTTP/1.1 {status} Said\r\n{self.headers}Content-Length: {len(text)}\r\n\r\n".encode()
            + text
        )
        await writer.drain()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.held.set()
        server.close()


async def allow_loopback(world: World, department: Department) -> None:
    await world.security.ask("PUT", f"/v1/departments/{department.uscc}/networks", LOOPBACK)


async def set_endpoint(sharing: Sharing, receiver: Receiver, **fields: Any) -> Json:  # noqa: ANN401
    """Set the endpoint and have it tested."""
    path = f"/v1/subscriptions/{sharing.subscription}/endpoint"
    made: Json = await sharing.consumer.head.ask("PUT", path, {"url": receiver.url, **fields})
    receiver.secrets = [made["secret"]]
    tested = await sharing.consumer.head.ask("POST", f"{path}/test")
    assert tested["passed"], tested
    return made
