"""Clients for whom the platform acts by itself, without a token: as they stand at this moment."""

from typing import Final

from auth.errors import TokenRevoked
from auth.principal import Principal
from auth.store import standings
from kernel.cache import RuleCache
from kernel.changes import ChangeFeed
from kernel.database import Database

CLIENTS_MAX: Final = 20_000
NEVER: Final = 4_000_000_000.0


class ActingClients:
    """One worker's knowledge of clients, dropped when they or their departments change."""

    def __init__(self, database: Database, changes: ChangeFeed) -> None:
        self._database = database
        self._cache: RuleCache[Principal] = RuleCache(self._load, size=CLIENTS_MAX)
        changes.on("client", self._cache.drop)
        changes.on("department", lambda _uscc: self._cache.clear())
        changes.on_reset(self._cache.clear)

    def known(self, client_id: str) -> Principal | None:
        """Return the client as it is known, None where `get` has to look."""
        return self._cache.known(client_id)

    async def get(self, client_id: str) -> Principal:
        """Return the client; raises TokenRevoked where it, or its department, may not act."""
        return await self._cache.get(client_id)

    async def _load(self, client_id: str) -> Principal:
        async with self._database.reading() as session:
            standing = await standings.get(session, "client", client_id)
        if standing is None or not standing.active:
            raise TokenRevoked
        return Principal(
            kind="client",
            id=client_id,
            department=standing.department,
            region_code=standing.region_code,
            is_authority=standing.is_authority,
            roles=frozenset(),
            scopes=frozenset(standing.scopes or ()),
            token_id="",
            expires_at=NEVER,
            rate_limit=standing.rate_limit,
        )
