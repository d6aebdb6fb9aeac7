"""Who is pushed to: an endpoint as it stands, with its secrets and the networks it may be in."""

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from auth import networks
from exchange import store as moving
from exchange.delivery.push.tables import Endpoint
from exchange.subscriptions.tables import Subscription
from kernel.database import ReadSession
from kernel.outbound.addresses import Network
from kernel.secretbox import Secretbox


@dataclass(frozen=True, slots=True)
class Receiver:
    """`signing` are the secrets that sign until `previous_until`, `secret` the one that stays."""

    subscription_id: str
    url: str
    format: str
    max_records: int
    max_bytes: int
    networks: tuple[Network, ...]
    revision: int
    secret: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    previous_until: datetime | None = None

    @property
    def host(self) -> str:
        """Return what failures are counted for."""
        return host_of(self.url)

    def signing(self, now: datetime) -> list[str]:
        """Return the secrets that sign now: both during a rotation."""
        if self.previous is None or self.previous_until is None or now >= self.previous_until:
            return [self.secret]
        return [self.secret, self.previous]


def host_of(url: str) -> str:
    """Return the host of a URL with its port."""
    return urlsplit(url).netloc.lower()


async def load(session: ReadSession, box: Secretbox, subscription_id: str) -> Receiver:
    """Raise NotFound where the subscription has no endpoint."""
    row = await moving.get(session, Endpoint, subscription_id)
    subscription = await moving.get(session, Subscription, subscription_id)
    previous = row.previous_secret
    return Receiver(
        subscription_id=row.id,
        url=row.url,
        format=row.format,
        max_records=row.max_records,
        max_bytes=row.max_bytes,
        networks=await networks.allowed(session, subscription.consumer_department),
        revision=row.revision,
        secret=box.decrypt(row.secret).decode(),
        previous=None if previous is None else box.decrypt(previous).decode(),
        previous_until=row.previous_until,
    )
