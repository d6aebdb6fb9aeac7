"""The addresses that the platform itself listens on or stores at: never called for a department."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from kernel.outbound.addresses import Address
from kernel.outbound.names import Names, is_of_this_machine
from kernel.settings import Settings

# A server that listens here listens on every address of its machine.
EVERYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared, not bound
PORTS: Final = {"http": 80, "https": 443, "postgresql": 5432}
KAFKA_PORT: Final = 9092


@dataclass(frozen=True, slots=True)
class Own:
    """Hosts with ports; a host that cannot be resolved is not one that answers."""

    places: Sequence[tuple[str, int]] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Own":
        places = [
            (settings.host, settings.port),
            (settings.metrics_host, settings.gateway_metrics_port),
            (settings.metrics_host, settings.worker_metrics_port),
            _place_of(settings.base_url),
            _place_of(settings.database_url),
        ]
        brokers = [_place(each, KAFKA_PORT) for each in settings.kafka_bootstrap.split(",")]
        scanner = settings.scan_address
        scanners = [_place(scanner, 0)] if scanner and "/" not in scanner else []
        return cls([place for place in (*places, *brokers, *scanners) if place[1]])

    async def has(self, address: Address, port: int, names: Names) -> bool:
        """Whether one of the places is the address with the port."""
        for host in [host for host, own_port in self.places if own_port == port]:
            if host in EVERYWHERE:
                if is_of_this_machine(address):
                    return True
                continue
            try:
                addresses = await names.addresses(host)
            except OSError:
                continue
            # Whatever listens on one loopback address is reached by all of them.
            if address in addresses or (address.is_loopback and addresses[0].is_loopback):
                return True
        return False


def _place_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS.get(parts.scheme.partition("+")[0], 0)


def _place(text: str, usual_port: int) -> tuple[str, int]:
    host, colon, port = text.strip().rpartition(":")
    if not colon:
        return text.strip(), usual_port
    return host.strip("[]"), int(port) if port.isdigit() else 0
