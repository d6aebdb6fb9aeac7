"""Who reads: the token of one request, asked again whenever its page may have to stay (P3)."""

from collections.abc import Awaitable, Callable
from hashlib import sha256

from auth.principal import Principal
from auth.tokens import TokenVerifier
from exchange.delivery.admission import RECORDS_READ
from exchange.delivery.lookup.door import Door
from exchange.restoration.guard import RestoreGuard
from gateway.hot.request import HotRequest
from gateway.http.budgets import UNTAKEN
from gateway.http.outflow import ClientGoneError


class PullCaller:
    """Who reads: `admission.Caller` over one request and its token."""

    __slots__ = (
        "_admit", "_digest", "_request", "_restore", "_subscription_id", "_token", "_tokens",
    )  # fmt: skip

    def __init__(
        self,
        tokens: TokenVerifier,
        restore: RestoreGuard,
        admit: Callable[[Principal, HotRequest, str], Awaitable[None]],
        request: HotRequest,
        subscription_id: str,
    ) -> None:
        self._tokens = tokens
        self._restore = restore
        self._admit = admit
        self._request = request
        self._subscription_id = subscription_id
        self._token = request.token()
        self._digest = sha256(self._token).digest()

    def known(self) -> Principal | None:
        return self._tokens.known(self._digest) if self._restore.passed else None

    async def confirm(self) -> Principal:
        request = self._request
        if request.incoming.gone:
            # Nobody waits for the page: neither place nor quota is taken for it.
            raise ClientGoneError
        principal = self.known() or await self._tokens.verify(self._token)
        request.principal = principal
        self._restore.require()
        # However long it waits and looks again, it is one request.
        if not request.buckets:
            await self._admit(principal, request, self._subscription_id)
            request.belongs_to(principal.id)
        UNTAKEN.require_room(principal.id)
        return principal

    async def ask_earlier(self, door: Door, mode: str) -> None:
        """Raise what comes before a limit of the subscription and before the parameters."""
        principal = self._request.principal
        if principal is not None and self._request.is_within_limits:
            principal.require_scope(RECORDS_READ)
            await door.require(principal, self._subscription_id, mode)
