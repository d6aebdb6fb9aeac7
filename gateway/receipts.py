"""Receipts as they are answered: their errors in the language of whoever asks."""

from msgspec.structs import replace

from exchange.publishing.receipts import Receipt
from gateway.problems import listed


def worded(receipt: Receipt, *, english: bool) -> Receipt:
    return replace(receipt, errors=listed(receipt.errors, english=english))
