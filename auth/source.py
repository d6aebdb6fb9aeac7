"""Where a request came from, as budgets and the audit log know it; pure."""

import ipaddress
from dataclasses import dataclass

UNKNOWN = "unknown"
# Whoever has an IPv6 address has as many as it likes within this prefix (RFC 6177).
PREFIX_V6 = 64


@dataclass(frozen=True, slots=True)
class Source:
    """`address` is told in the audit log, `network` is what failures are counted by.

    `browser` is the value of the cookie by which a browser shows that somebody signed in with it.
    """

    address: str = UNKNOWN
    browser: str | None = None

    @property
    def network(self) -> str:
        """Return the address, of IPv6 the prefix that one household or office has."""
        try:
            parsed = ipaddress.ip_address(self.address)
        except ValueError:
            return self.address
        if isinstance(parsed, ipaddress.IPv6Address):
            if parsed.ipv4_mapped is not None:
                return str(parsed.ipv4_mapped)
            return str(ipaddress.ip_network((parsed, PREFIX_V6), strict=False))
        return str(parsed)


NOWHERE = Source()
