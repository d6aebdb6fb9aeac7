"""Who is calling, before anything of a request's body is read (P11): for all that is not hot."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match

from auth.principal import Principal, Scope
from gateway.bearer import bearer
from gateway.refused import PRINCIPAL, note
from gateway.services import Services
from kernel.clock import monotonic
from kernel.errors import ShuyuanError, TooMany

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
        self._due: OrderedDict[str, float] = OrderedDict()

    def take(self, who: str) -> None:
        """Count one request; raises TooMany for one too soon."""
        now = monotonic()
        due = max(self._due.pop(who, now), now)
        if due - now > self._ahead:
            self._due[who] = due
            raise TooMany(retry_after_seconds=int(due - now - self._ahead) + 1, policy="source")
        self._due[who] = due + self._spacing
        if len(self._due) > PACES_MAX:
            self._due.popitem(last=False)


class Guard:
    """Knows callers, and what the operation that they ask for wants of a token."""

    def __init__(self, app: object, services: Callable[[], Services]) -> None:
        self._routes: Callable[[], list[BaseRoute]] = lambda: getattr(app, "routes", [])
        self._services = services
        self._scopes: dict[int, frozenset[Scope]] = {}
        self._pace: Pace | None = None

    def note(self, scope: Mapping[str, Any], error: ShuyuanError, status: int) -> None:
        """Keep a refusal that came before FastAPI."""
        client = scope.get("client")
        note(
            self._services(),
            scope.get(PRINCIPAL),
            error,
            status,
            method=scope["method"],
            path=scope["path"],
            source=str(client[0]) if client else None,
        )

    async def known(
        self, scope: MutableMapping[str, Any], headers: Mapping[bytes, bytes]
    ) -> Principal | None:
        """Return who is calling, None where no token is needed; raises 401, 403 and 429 errors."""
        using = self._services()
        if self._pace is None:
            settings = using.settings
            self._pace = Pace(settings.rate_source_per_second, settings.rate_source_burst)
        if not scope["path"].startswith(GUARDED):
            if scope["path"] not in PROBES:
                client = scope.get("client")
                self._pace.take(client[0] if client else "")
            return None
        token = bearer(headers)
        principal = using.tokens.cached(token) or await using.tokens.verify(token)
        scope[PRINCIPAL] = principal
        using.restore.require_not_restored()
        self._pace.take(principal.id)
        for wanted in self._wanted(scope):
            principal.require_scope(wanted)
        return principal

    def _wanted(self, scope: Mapping[str, Any]) -> frozenset[Scope]:
        """Return the scopes of the operation; none for what no route answers."""
        for route in self._routes():
            if isinstance(route, APIRoute) and route.matches(dict(scope))[0] is Match.FULL:
                known = self._scopes.get(id(route))
                if known is None:
                    known = self._scopes[id(route)] = frozenset(_scopes(route.dependant))
                return known
        return frozenset()


def _scopes(dependant: Dependant) -> Iterator[Scope]:
    for needed in dependant.dependencies:
        scope = getattr(needed.call, "wanted_scope", None)
        if scope is not None:
            yield scope
        yield from _scopes(needed)
