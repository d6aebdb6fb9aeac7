"""The correlation id of a request: the caller's where it can be told back, else a new one."""

from collections.abc import Mapping

from kernel.ids import new_id

CORRELATION_MAX = 64


def correlation_of(headers: Mapping[bytes, bytes]) -> str:
    """Take the caller's correlation id when it is short and plain, else make one."""
    value = headers.get(b"exchange-correlation-id")
    if value is None:
        return new_id()
    plain = value.replace(b"-", b"").isalnum() and len(value) <= CORRELATION_MAX
    return value.decode() if plain else new_id()
