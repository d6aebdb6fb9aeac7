"""Notes each refused request: one log line, and one row where the caller is known."""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Final, Protocol

from auth.principal import Principal
from gateway.checks import kept_facts
from gateway.keys_in_paths import keyless
from gateway.metrics import REFUSALS
from kernel import clock
from kernel.errors import ShuyuanError
from kernel.logging import correlation_id
from kernel.refusals import PATH_MAX, Refusal, Refusals

log = logging.getLogger(__name__)

# Lines a minute about callers that nobody knows, by code; the others are counted.
STRANGERS_PER_MINUTE: Final = 60
# In a request's scope: who is calling, once that is known.
PRINCIPAL: Final = "exchange.principal"


class Keeping(Protocol):
    """What holds the refusals of a worker."""

    @property
    def refusals(self) -> Refusals: ...


def note(
    keeping: Keeping | None,
    principal: Principal | None,
    error: ShuyuanError,
    status: int,
    *,
    method: str,
    path: str,
    source: str | None,
) -> None:
    """Keep the refusal and write its line; never raises, never waits."""
    REFUSALS.add(1, error.code)
    path = keyless(path)
    correlation = correlation_id.get() or ""
    if keeping is None or not isinstance(principal, Principal):
        if STRANGERS.admits(error.code):
            log.info(
                "refused %d %s %s %s from %s", status, error.code, method, path[:PATH_MAX], source
            )
        return
    refusal = Refusal(
        at=clock.now(),
        correlation_id=correlation,
        actor=principal.actor,
        region_code=principal.region_code,
        method=method,
        path=path,
        code=error.code,
        status=status,
        facts=kept_facts(error.facts),
        source=source,
    )
    if keeping.refusals.note(refusal):
        log.info(
            "refused %d %s %s %s to %s %s of %s from %s",
            status,
            error.code,
            method,
            path[:PATH_MAX],
            principal.kind,
            principal.id,
            principal.department,
            source,
        )


class _PerMinute:
    """Lets so many of a kind pass each minute and tells how many it held back."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._minute = 0
        self._seen: Counter[str] = Counter()

    def admits(self, kind: str) -> bool:
        minute = int(clock.monotonic() // 60)
        if minute != self._minute:
            self._tell()
            self._minute = minute
            self._seen.clear()
        self._seen[kind] += 1
        return self._seen[kind] <= self._most

    def _tell(self) -> None:
        bounds: Mapping[str, int] = {
            kind: count - self._most for kind, count in self._seen.items() if count > self._most
        }
        for kind, more in bounds.items():
            log.info("refused %s to %d more unknown callers within a minute", kind, more)


STRANGERS = _PerMinute(STRANGERS_PER_MINUTE)
