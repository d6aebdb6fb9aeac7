"""Who is calling, before anything of a request's body is read (P11): for all that is not hot."""

from collections.abc import Callable, Mapping, MutableMapping
from functools import cached_property
from typing import Any

from starlette.datastructures import Headers

from auth.principal import Principal
from gateway.acts import act_of
from gateway.bearer import bearer
from gateway.delegated import ACTING, acting
from gateway.held_back import HeldBack
from gateway.order import ASKED, Asked, first
from gateway.refused import PRINCIPAL, note
from gateway.routing import Operation, Operations
from gateway.services import Services
from kernel.bounded import Bounded
from kernel.clock import monotonic
from kernel.errors import ShuyuanError, TooMany, Unauthorized

GUARDED = "/v1/"
# Asked by balancers and collectors, and kept cheap (gateway/probe.py).
PROBES = frozenset({"/healthz", "/readyz"})
# Sources and callers whose pace is remembered; the one that asked longest ago is forgotten.
PACES_MAX = 20_000


class Pace:
    """How often one caller may ask a worker, on average and after a pause."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._spacing = 1 / per_second
        self._ahead = burst / per_second
        self._due = Bounded[str, float](PACES_MAX)

    def take(self, who: str) -> None:
        """Count one request; raises TooMany for one too soon."""
        if seconds := self.early(who):
            raise _too_often(seconds)

    def early(self, who: str) -> int:
        """Count one request; return in how many seconds one too soon may come again, or 0."""
        now = monotonic()
        due = max(self._due.get(who, now), now)
        if due - now > self._ahead:
            self._due.put(who, due)
            return int(due - now - self._ahead) + 1
        self._due.put(who, due + self._spacing)
        return 0


def _too_often(seconds: int) -> TooMany:
    return TooMany(retry_after_seconds=seconds, policy="source")


class Guard:
    """Knows callers, and what the operation that they ask for wants of them."""

    def __init__(self, app: object, services: Callable[[], Services]) -> None:
        self._operations = Operations(lambda: getattr(app, "routes", []))
        self._services = services
        self._held_back = HeldBack()

    @cached_property
    def _pace(self) -> Pace:
        settings = self._services().settings
        return Pace(settings.rate_source_per_second, settings.rate_source_burst)

    async def slowed(
        self, error: ShuyuanError, principal: Principal | None, source: str | None
    ) -> ShuyuanError:
        """Return what a refusal says; who asks too often waits for it.

        An address is let down as often as it may ask without a token, and then asks too often.
        """
        who = principal.id if principal else source or ""
        if isinstance(error, Unauthorized) and (seconds := self._pace.early(who)):
            error = _too_often(seconds)
        if isinstance(error, TooMany):
            await self._held_back.wait(who)
        return error

    def note(self, scope: Mapping[str, Any], error: ShuyuanError, status: int) -> None:
        """Keep a refusal that came before FastAPI."""
        note(
            self._services(),
            scope.get(PRINCIPAL),
            error,
            status,
            method=scope["method"],
            path=scope["path"],
            source=source_of(scope),
        )

    async def known(
        self, scope: MutableMapping[str, Any], headers: Mapping[bytes, bytes]
    ) -> Principal | None:
        """Return who is calling, None where no token is needed; raises 401, 403 and 429 errors.

        What is asked for, and the caller, are left in the scope.
        """
        using = self._services()
        if not scope["path"].startswith(GUARDED):
            if scope["path"] not in PROBES:
                source = source_of(scope) or ""
                self._pace.take(source)
                using.bus.reader.turns.asks(source)
            return None
        token = bearer(headers)
        principal = using.tokens.cached(token) or await using.tokens.verify(token)
        scope[PRINCIPAL] = principal
        using.restore.require_not_restored()
        self._pace.take(principal.id)
        using.bus.reader.turns.asks(principal.id)
        match = self._operations.find(scope)
        if match is not None:
            scope[ACTING] = await acting(using, principal, headers, match[0].act)
            principal = scope[ACTING] or principal
            scope[ASKED] = _asked(match, scope, principal)
            _require(principal, match[0])
        return principal

    async def first(self, scope: Mapping[str, Any], error: ShuyuanError) -> ShuyuanError:
        """Return what is told of a refusal by something in the request: it, or what is earlier."""
        asked = scope.get(ASKED)
        return error if asked is None else await first(self._services(), asked, error)


def source_of(scope: Mapping[str, Any]) -> str | None:
    """Return the address that asks."""
    client = scope.get("client")
    return str(client[0]) if client else None


def _asked(
    match: tuple[Operation, Mapping[str, Any]], scope: Mapping[str, Any], principal: Principal
) -> Asked:
    operation, path_params = match
    headers = Headers(raw=list(scope["headers"]))
    return Asked(operation, path_params, scope["query_string"], headers, principal)


def _require(principal: Principal, operation: Operation) -> None:
    """Raise 403 errors for a scope or a role that the operation wants."""
    for scope in operation.scopes:
        principal.require_scope(scope)
    act = act_of(operation.act)
    roles = (act.roles if act else ()) or operation.roles
    if roles:
        principal.require_role(*roles)
