"""What a worker knows of mounted services, dropped when a rule changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from auth import networks
from catalog import versions
from exchange.services.errors import ServiceMissing
from exchange.services.operations import Auth, AuthKind, Operation, Timeouts
from exchange.services.tables import Service
from kernel.cache import RuleCache
from kernel.database import Database
from kernel.outbound.addresses import Network
from kernel.secretbox import Secretbox

SERVICES_MAX = 5_000


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service with its secret, and where it may be called."""

    base_url: str
    host: str
    grade: int
    operations: Mapping[str, Operation]
    header: tuple[tuple[str, str], ...] = field(repr=False)
    timeouts: Timeouts
    networks: tuple[Network, ...]


class ServicePlans:
    def __init__(self, database: Database, box: Secretbox) -> None:
        self._database, self._box = database, box
        self._cache: RuleCache[ServicePlan] = RuleCache(self._load, size=SERVICES_MAX)

    async def of(self, resource_id: str) -> ServicePlan:
        """Return the service; raises ServiceMissing, ResourceNotPublished."""
        return self._cache.known(resource_id) or await self._cache.get(resource_id)

    def drop(self, resource_id: str) -> None:
        self._cache.drop(resource_id)

    def clear(self) -> None:
        self._cache.clear()

    async def _load(self, resource_id: str) -> ServicePlan:
        async with self._database.reading() as session:
            row = await session.get(Service, resource_id)
            if row is None:
                raise ServiceMissing
            entry = await versions.entry(session, resource_id)
            allowed = await networks.allowed(session, entry.department)
        secret = None if row.sealed is None else self._box.decrypt(row.sealed).decode()
        auth = Auth(AuthKind(row.auth["kind"]), row.auth["name"], secret)
        operations = [Operation.of(each) for each in row.operations]
        return ServicePlan(
            row.base_url,
            urlsplit(row.base_url).netloc.rpartition("@")[2].lower(),
            entry.grade,
            {each.name: each for each in operations},
            auth.header(),
            Timeouts(**row.timeouts),
            allowed,
        )
