"""The only reader of the time."""

import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

monotonic = time.monotonic
epoch = time.time


SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    """The day by the country's clocks."""
    return datetime.now(SHANGHAI).date()
