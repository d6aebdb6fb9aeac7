"""The client's retries, against a server that answers as it was told to."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shuyuan_client.aio import AsyncExchangeClient
from shuyuan_client.failures import Failure, Unreachable
from shuyuan_client.http import ExchangeClient, Refused, with_secret
from shuyuan_client.refusals import (
    CursorExpired,
    GenerationChanged,
    InConflict,
    Invalid,
    NotAllowed,
    NotFound,
    TooMany,
    Unavailable,
)

Answer = tuple[int, dict[str, str], bytes]

TOKEN: Answer = (200, {}, b'{"access_token": "t", "expires_in": 3600}')
WHOLE: dict[str, object] = {
    "receipt_id": "x", "resource_id": "r", "version": 1, "accepted": 1, "rejected": 0,
    "positions": [], "digest": "d", "errors": [],
}  # fmt: skip
WHOLE_RECEIPT: Answer = (201, {}, json.dumps(WHOLE).encode())
RECEIPT: Answer = (201, {}, b'{"accepted": 1}')
BUSY: Answer = (503, {"Retry-After": "0"}, b'{"code": "unavailable"}')
LIMITED: Answer = (429, {"Retry-After": "1"}, b'{"code": "rate_limited"}')
EXHAUSTED: Answer = (429, {"Retry-After": "9999"}, b'{"code": "quota_exhausted"}')
EXPIRED: Answer = (401, {}, b'{"code": "token_expired"}')
HANG_UP: Answer = (0, {}, b"")


class Script:
    """Answers of the exchange, one a request; tokens are always given."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.paths: list[str] = []
        self.url = ""

    def next(self, path: str) -> Answer:
        self.paths.append(path)
        return TOKEN if path == "/oauth/token" else self.answers.pop(0)


@pytest.fixture
def script() -> Iterator[Script]:
    told = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, headers, body = told.next(self.path.partition("?")[0])
            if not status:
                self.connection.close()
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield told
        server.shutdown()
        thread.join()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(script: Script, waits: list[float]) -> Iterator[ExchangeClient]:
    def waited(_failure: Failure, seconds: float) -> None:
        waits.append(seconds)

    grant = with_secret("id", "secret")
    with ExchangeClient(script.url, grant, patience_seconds=5, on_wait=waited) as opened:
        yield opened


@pytest.mark.parametrize("trouble", [BUSY, LIMITED, HANG_UP])
def test_a_keyed_publish_sits_trouble_out(
    client: ExchangeClient, script: Script, waits: list[float], trouble: Answer
) -> None:
    script.answers = [trouble, trouble, RECEIPT]
    receipt, replayed = client.publish("r", b"{}", key="k")
    assert (receipt, replayed) == ({"accepted": 1}, False)
    assert len(waits) == 2


def test_retry_after_is_heeded(client: ExchangeClient, script: Script, waits: list[float]) -> None:
    script.answers = [LIMITED, RECEIPT]
    client.publish("r", b"{}", key="k")
    assert waits == [1.0]


@pytest.mark.parametrize(("trouble", "raised"), [(BUSY, Refused), (HANG_UP, Unreachable)])
def test_a_publish_without_a_key_is_not_repeated(
    client: ExchangeClient, script: Script, trouble: Answer, raised: type[Failure]
) -> None:
    script.answers = [trouble, RECEIPT]
    with pytest.raises(raised):
        client.publish("r", b"{}")
    assert len(script.answers) == 1


def test_nobody_waits_until_tomorrow(client: ExchangeClient, script: Script) -> None:
    script.answers = [EXHAUSTED]
    with pytest.raises(Refused) as refused:
        client.publish("r", b"{}", key="k")
    assert refused.value.code == "quota_exhausted"


def test_an_expired_token_is_renewed_once(client: ExchangeClient, script: Script) -> None:
    script.answers = [EXPIRED, RECEIPT]
    client.publish("r", b"{}", key="k")
    assert script.paths.count("/oauth/token") == 2
    script.answers = [EXPIRED, EXPIRED]
    with pytest.raises(Refused):
        client.publish("r", b"{}", key="k")


def test_an_address_that_never_answered_is_not_waited_for() -> None:
    with (
        ExchangeClient("http://127.0.0.1:9", with_secret("id", "secret")) as nobody,
        pytest.raises(Unreachable, match="shuyuan doctor"),
    ):
        nobody.token()


async def test_the_asynchronous_client_sits_the_same_trouble_out(
    script: Script, waits: list[float]
) -> None:
    def waited(_failure: Failure, seconds: float) -> None:
        waits.append(seconds)

    grant = with_secret("id", "secret")
    async with AsyncExchangeClient(script.url, grant, on_wait=waited) as client:
        script.answers = [BUSY, HANG_UP, LIMITED, EXPIRED, WHOLE_RECEIPT]
        receipt = await client.publish("r", b"{}", key="k")
        assert (receipt.accepted, len(waits)) == (1, 3)
        script.answers = [EXHAUSTED]
        with pytest.raises(TooMany) as refused:
            await client.publish("r", b"{}", key="k")
        assert refused.value.retry_after_seconds == 9999


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        ((400, {}, b'{"code": "malformed_json"}'), Invalid),
        ((403, {}, b'{"code": "subscription_suspended"}'), NotAllowed),
        ((404, {}, b"not JSON"), NotFound),
        ((409, {}, b'{"code": "illegal_transition"}'), InConflict),
        ((409, {}, b'{"code": "generation_changed", "cursor": "c"}'), GenerationChanged),
        ((410, {}, b'{"code": "cursor_expired", "earliest_cursor": "c"}'), CursorExpired),
        ((502, {}, b"[]"), Unavailable),
        ((418, {}, b'{"code": ["odd"]}'), Refused),
    ],
)
def test_each_refusal_has_a_class_of_its_own(
    client: ExchangeClient, script: Script, answer: Answer, raised: type[Refused]
) -> None:
    script.answers = [answer]
    with pytest.raises(Refused) as refused:
        client.publish("r", b"{}")
    assert type(refused.value) is raised
