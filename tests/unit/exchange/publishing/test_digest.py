import hashlib
from math import ceil

from exchange.publishing.publish import DIGESTED_AT_ONCE, digesting
from kernel.turns import finished


def test_a_large_body_is_digested_in_portions() -> None:
    """8 MiB took 6 ms of the event loop in one step."""
    body = bytes(range(256)) * (3 * DIGESTED_AT_ONCE // 256) + b"."
    assert finished(digesting(body)) == hashlib.sha256(body).digest()
    assert sum(1 for _ in digesting(body)) == ceil(len(body) / DIGESTED_AT_ONCE)
