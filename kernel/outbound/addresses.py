"""Which addresses may be called from inside the platform.

Receivers and services of departments stand in private networks, so the rule is an allow-list of
networks, not a ban on private addresses. What is tested is always the address that is connected to,
whatever a name or a number in a URL looks like.
"""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from kernel.settings import Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# An allow-list names networks; wider ones would be "anywhere".
WIDEST: Final = {4: 8, 6: 16}
# These carry an IPv4 address inside, to which somebody else would translate them.
TRANSLATED: Final[tuple[Network, ...]] = tuple(
    map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))
)
THIS_HOST: Final = ip_network("0.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Rule:
    """What no allow-list opens; `forbidden` are networks of the platform itself.

    `loopback` opens the machine's own addresses, for local runs and tests.
    """

    loopback: bool = False
    forbidden: tuple[Network, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Rule":
        return cls(settings.outbound_loopback, networks_of(settings.outbound_forbidden))

    def is_never_called(self, address: Address) -> bool:
        """Whether the address is one that is refused even inside an allowed network."""
        if any(address in network for network in self.forbidden):
            return True
        if address.is_loopback:
            return not self.loopback
        return (
            address.is_link_local
            or address.is_multicast
            or address.is_unspecified
            or address.is_reserved
            or address in THIS_HOST
            or any(address in network for network in TRANSLATED)
        )

    def allows(self, address: Address, networks: Collection[Network]) -> bool:
        """Whether an address, as `plain` returns it, lies in the networks and may be called."""
        is_listed = any(address in network for network in networks)
        return is_listed and not self.is_never_called(address)


def plain(text: str) -> Address:
    """Read an address; an IPv6-mapped one becomes the IPv4 address that is connected to.

    Raises ValueError.
    """
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def networks_of(texts: str) -> tuple[Network, ...]:
    """Read networks with commas between; raises ValueError."""
    return tuple(ip_network(part.strip()) for part in texts.split(",") if part.strip())
