"""When a batch is tried again, and when a host is left alone; pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 300.0
RETRY_AFTER_MAX: Final = 3600.0
# A batch that is refused for what it is will be refused again a moment later.
REFUSED_SECONDS: Final = 30.0
GONE: Final = 410
SLOW_DOWN: Final = frozenset({429, 502, 503, 504})
OPENS_AFTER: Final = 5
"""Failures of a host in a row after which it is left alone, and then tested."""
OPEN_SECONDS: Final = 15.0
OPEN_SECONDS_MAX: Final = 600.0


class Verdict(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: an answer, or the reason why there was none.

    `blames_host` says that the host is down or overloaded, not that it refused this batch.
    """

    status: int | None = None
    failure: str | None = None
    answer: bytes = b""
    retry_after: str | None = None
    sent: bool = True

    @property
    def verdict(self) -> Verdict:
        if self.status == GONE:
            return Verdict.GONE
        is_good = self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP's
        return Verdict.DELIVERED if is_good else Verdict.RETRY

    @property
    def blames_host(self) -> bool:
        return self.status is None or self.status >= 500  # noqa: PLR2004 - HTTP's


def seconds_to_wait(outcome: Outcome, attempts: int, jitter: float, now: datetime) -> float:
    """Return how long a batch rests after so many attempts; `jitter` is from 0 to 1.

    Doubles from a second to five minutes, and a quarter of it is left to chance. A receiver that
    names a time is heeded, up to an hour.
    """
    doubled = min(FIRST_SECONDS * 2.0 ** min(attempts - 1, 20), LONGEST_SECONDS)
    if outcome.status is not None and not outcome.blames_host and outcome.status not in SLOW_DOWN:
        doubled = max(doubled, REFUSED_SECONDS)
    named = 0.0
    if outcome.status in SLOW_DOWN and outcome.retry_after is not None:
        named = min(_named_seconds(outcome.retry_after, now), RETRY_AFTER_MAX)
    return max(doubled * (0.75 + 0.25 * jitter), named)


def _named_seconds(retry_after: str, now: datetime) -> float:
    """Read `Retry-After`: seconds or a date (RFC 9110 section 10.2.3); 0 for what is neither."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def open_seconds(failures: int) -> float | None:
    """Return how long a host is left alone after so many failures in a row; None: it is not."""
    if failures < OPENS_AFTER:
        return None
    return min(OPEN_SECONDS * 2.0 ** min(failures - OPENS_AFTER, 10), OPEN_SECONDS_MAX)
