"""Pages, styles and scripts leave compressed where that is read; nothing else is touched."""

import gzip
from typing import Final

import cramjam
import pytest

from gateway.coded import Coded
from gateway.console import static
from gateway.hot.codings import encode
from gateway.http.asgi import Message

PAGE: Final = "<p>数据共享</p>".encode() * 200
HTML: Final = b"text/html; charset=utf-8"
# All that the console ships, and a page beside it: a first view.
VIEW_MAX, PAGE_MAX = 120 * 1024, 60 * 1024


async def sent(
    accepted: bytes, *bodies: bytes, media: bytes = HTML, **more: bytes
) -> tuple[dict[bytes, bytes], bytes]:
    """Return headers and body of an answer whose body comes in these pieces."""
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    coded = Coded(send, accepted)
    length = str(sum(map(len, bodies))).encode()
    headers = {b"content-type": media, b"content-length": length}
    headers |= {name.replace("_", "-").encode(): value for name, value in more.items()}
    await coded({"type": "http.response.start", "status": 200, "headers": [*headers.items()]})
    for number, body in enumerate(bodies, 1):
        more_body = number < len(bodies)
        await coded({"type": "http.response.body", "body": body, "more_body": more_body})
    return dict(told[0]["headers"]), b"".join(each["body"] for each in told[1:])


async def test_a_page_is_compressed_as_its_reader_likes_it() -> None:
    headers, body = await sent(b"gzip, deflate", PAGE, vary=b"Cookie")
    assert gzip.decompress(body) == PAGE
    assert headers[b"content-length"] == str(len(body)).encode()
    assert (headers[b"content-encoding"], headers[b"vary"]) == (b"gzip", b"Cookie, Accept-Encoding")
    headers, body = await sent(b"gzip, deflate, br, zstd", PAGE)
    assert bytes(cramjam.zstd.decompress(body)) == PAGE
    assert headers[b"content-encoding"] == b"zstd"


@pytest.mark.parametrize(
    ("accepted", "bodies", "media", "more"),
    [
        (b"", (PAGE,), HTML, {}),
        (b"gzip;q=0", (PAGE,), HTML, {}),
        (b"gzip", (b"<p></p>",), HTML, {}),
        (b"gzip", (PAGE, PAGE), HTML, {}),
        (b"gzip", (PAGE,), b"application/json", {}),
        (b"gzip", (PAGE,), HTML, {"content_encoding": b"zstd"}),
    ],
    ids=["nothing asked", "not wanted", "small", "in pieces", "no page", "coded already"],
)
async def test_what_is_not_to_be_compressed_stays_as_it_is(
    accepted: bytes, bodies: tuple[bytes, ...], media: bytes, more: dict[str, bytes]
) -> None:
    headers, body = await sent(accepted, *bodies, media=media, **more)
    assert body == b"".join(bodies)
    assert headers[b"content-length"] == str(len(body)).encode()
    assert headers.get(b"content-encoding", b"") == more.get("content_encoding", b"")


async def test_all_that_the_console_ships_leaves_room_for_a_page_in_a_first_view() -> None:
    shipped = [await encode(b"gzip", content) for _digest, content in static.files().values()]
    assert sum(map(len, shipped)) <= VIEW_MAX - PAGE_MAX
