"""The address that a request came from, told by the connection or by a proxy that is trusted."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from fastapi import Request

from auth.source import UNKNOWN, Source

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
FORWARDED = "x-forwarded-for"
FORWARDED_MAX = 32


def source_of(request: Request, trusted_proxies: str, browser: str | None = None) -> Source:
    """Return where the caller is: the last address that no trusted proxy has."""
    address = request.client.host if request.client else UNKNOWN
    trusted = networks(trusted_proxies)
    if trusted:
        address = _before_proxies(address, request.headers.getlist(FORWARDED), trusted)
    return Source(address, browser)


def _before_proxies(address: str, headers: Sequence[str], trusted: Iterable[Network]) -> str:
    """Walk back from the connection: what stands before a stranger's address it made up itself."""
    addresses = [part.strip() for header in headers for part in header.split(",")]
    for part in reversed(addresses[-FORWARDED_MAX:]):
        if not _is_in(address, trusted) or not _is_address(part):
            break
        address = part
    return address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(address: str, trusted: Iterable[Network]) -> bool:
    return _is_address(address) and any(
        ipaddress.ip_address(address) in network for network in trusted
    )


@lru_cache(maxsize=4)
def networks(text: str) -> tuple[Network, ...]:
    """Read `SHUYUAN_TRUSTED_PROXIES`; raises ValueError."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
