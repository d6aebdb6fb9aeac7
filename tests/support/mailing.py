"""A mail server of a few lines: it takes what it is sent, or refuses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """`answer` is what the server says of a mail that has come in whole."""

    port: int = 0
    answer: bytes = b"250 taken\r\n"
    taken: list[bytes] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(each, policy=policy.default) for each in self.taken]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receivers: list[str] = []
        writer.write(b"220 mail.example\r\n")
        while line := await reader.readline():
            verb = line.upper()
            if verb.startswith(b"RCPT"):
                receivers.append(line.decode().partition("<")[2].partition(">")[0])
            if verb.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                self.taken.append(await reader.readuntil(b"\r\n.\r\n"))
                self.receivers.append(receivers)
                writer.write(self.answer)
            elif verb.startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
        writer.close()


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """Listen on loopback until the block ends."""
    made = MailServer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
