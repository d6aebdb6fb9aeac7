"""Sends one message to a receiver, asking for each piece whether it may leave (P3)."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Final

from exchange.delivery.push import messages
from exchange.delivery.push.pace import Outcome
from exchange.delivery.push.receiver import Receiver
from exchange.metering.ledger.digests import PageFacts
from kernel import clock
from kernel.errors import ShuyuanError
from kernel.outbound.client import Deadlines, Outbound, OutboundRequest
from kernel.outbound.errors import OutboundError

PIECE_BYTES: Final = 64 * 1024
ANSWER_BYTES: Final = 2048
CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 10.0
# For what a slow receiver takes slowly; a body of 8 MiB is through by then, or it is too slow.
TOTAL_SECONDS: Final = 60.0
DEADLINES: Final = Deadlines(CONNECT_SECONDS, ANSWER_SECONDS, ANSWER_SECONDS, TOTAL_SECONDS)
TEST_DEADLINES: Final = Deadlines(
    CONNECT_SECONDS, ANSWER_SECONDS, ANSWER_SECONDS, CONNECT_SECONDS + ANSWER_SECONDS
)
WRONG_ANSWER: Final = "challenge_not_answered"


class Pieces:
    """A body in pieces, each asked of `admitted` in the turn in which it is handed on."""

    def __init__(self, body: bytes, admitted: Callable[[], None]) -> None:
        self.body = body
        self._admitted = admitted
        self.began = False
        self.done = False
        self.refusal: ShuyuanError | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body = memoryview(self.body)
        for begin in range(0, len(body), PIECE_BYTES):
            try:
                self._admitted()
            except ShuyuanError as error:
                self.refusal = error
                raise
            self.began = True
            yield bytes(body[begin : begin + PIECE_BYTES])
        self.done = True


class Sender:
    """`base_url` is the platform's own address, which messages name as their source."""

    def __init__(self, outbound: Outbound, base_url: str) -> None:
        self._outbound = outbound
        self._base_url = base_url

    def source(self, subscription_id: str) -> str:
        return f"{self._base_url}/v1/subscriptions/{subscription_id}"

    async def send(
        self, receiver: Receiver, message_id: str, pieces: Pieces, facts: PageFacts | None = None
    ) -> Outcome:
        """Return what the receiver answered; `facts` are told where a ledger lists the lines.

        Raises what `admitted` refuses with, whatever part of the body has left by then.
        """
        head = self._head(receiver, message_id, pieces.body)
        if facts is not None:
            head = [*head, ("Exchange-Digest", f"sha-256={facts.digest.hex()}")]
        outcome = await self._posted(receiver, head, pieces, DEADLINES)
        if pieces.refusal is not None:
            raise pieces.refusal
        return outcome

    async def challenge(self, receiver: Receiver) -> Outcome:
        """Send the signed test; an answer that is not the challenge is a failure."""
        text, message_id = secrets.token_urlsafe(24), f"msg_{secrets.token_hex(16)}"
        body = messages.challenge_body(
            receiver.format,
            message_id,
            self.source(receiver.subscription_id),
            clock.now(),
            text,
        )
        head = self._head(receiver, message_id, body)
        outcome = await self._posted(receiver, head, Pieces(body, _always), TEST_DEADLINES)
        if outcome.failure is None and outcome.status is not None:
            is_right = messages.answers_challenge(outcome.answer, text)
            if 200 <= outcome.status < 300 and not is_right:  # noqa: PLR2004 - HTTP's
                return Outcome(outcome.status, WRONG_ANSWER, outcome.answer)
        return outcome

    def _head(self, receiver: Receiver, message_id: str, body: bytes) -> Sequence[tuple[str, str]]:
        now = clock.now()
        media_type = messages.media_type(receiver.format)
        return messages.headers(message_id, now, body, receiver.signing(now), media_type)

    async def _posted(
        self,
        receiver: Receiver,
        head: Sequence[tuple[str, str]],
        pieces: Pieces,
        deadlines: Deadlines,
    ) -> Outcome:
        request = OutboundRequest("POST", receiver.url, receiver.networks, head, pieces, deadlines)
        answered: Outcome | None = None
        try:
            async with self._outbound.call(request) as response:
                retry_after = response.headers.get("Retry-After")
                answered = Outcome(response.status, retry_after=retry_after)
                return replace(answered, answer=await response.beginning(ANSWER_BYTES))
        except OutboundError as error:
            # The status is the answer, whatever becomes of its text.
            return answered or Outcome(failure=str(error.reason), sent=pieces.began)


def _always() -> None:
    """A challenge carries no record."""
