"""A page of records as an answer: its head, its body as one document, and how much of it left."""

from itertools import accumulate
from typing import Final

import orjson

from exchange.delivery.pull import Page

NDJSON: Final = b"application/x-ndjson"
JSON: Final = b"application/json"
PAGE: Final = (
    b"content-type: %b\r\ncache-control: no-store\r\nexchange-next-cursor: %b\r\n"
    b"exchange-count: %d\r\nexchange-lag: %d\r\n"
)


def page_head(page: Page, *, as_json: bool) -> bytes:
    return PAGE % (
        JSON if as_json else NDJSON, page.next_cursor.encode(), len(page.lines), page.lag
    )  # fmt: skip


def records_in(page: Page, handed_on: int, size: int, *, coded: bool) -> int:
    """Return how many records the first bytes of a body hold, the one that was begun included.

    Of a coded body that was cut short nobody knows: all of them.
    """
    if not handed_on:
        return 0
    if coded or handed_on >= size:
        return len(page.lines)
    ends = accumulate(len(line) + 1 for line in page.lines)
    return min(len(page.lines), 1 + sum(end < handed_on for end in ends))


def as_document(page: Page) -> bytes:
    items, cursor = b",".join(page.lines), orjson.dumps(page.next_cursor)
    return b'{"items":[%b],"next_cursor":%b}' % (items, cursor)
