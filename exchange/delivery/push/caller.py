"""For whom a worker pushes: a subscription's client, as it stands, without a token."""

from auth.acting_clients import ActingClients
from auth.principal import Principal
from exchange.restoration.guard import RestoreGuard


class PushCaller:
    """`admission.Caller` of one client."""

    __slots__ = ("_client_id", "_clients", "_restore")

    def __init__(self, clients: ActingClients, restore: RestoreGuard, client_id: str) -> None:
        self._clients = clients
        self._restore = restore
        self._client_id = client_id

    def known(self) -> Principal | None:
        return self._clients.known(self._client_id) if self._restore.passed else None

    async def confirm(self) -> Principal:
        """Raises TokenRevoked where the client may not act, Unavailable under a restored one."""
        self._restore.require()
        return await self._clients.get(self._client_id)
