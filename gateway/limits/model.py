"""What a limit is; pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kernel.errors import Text


class Group(StrEnum):
    RATES = "rates"
    QUOTAS = "quotas"
    SIZES = "sizes"
    COUNTS = "counts"
    TIMES = "times"
    TERMS = "terms"


class Unit(StrEnum):
    PER_SECOND = "per_second"
    NUMBER = "number"
    BYTES = "bytes"
    SECONDS = "seconds"
    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Limit:
    """`value` as it is in force; `setting` is empty for what the code alone decides."""

    group: Group
    name: Text
    unit: Unit
    value: float
    beyond: Text
    setting: str = ""
    usual: bool = True
    of_clients: bool = False


def refused(status: int, code: str, zh: str = "", en: str = "") -> Text:
    """Say with which status and code a request is refused, and what more."""
    more = (f"；{zh}", f"; {en}") if zh else ("", "")
    return Text(f"拒绝：{status} {code}{more[0]}", f"refused: {status} {code}{more[1]}")


RATE: Final = refused(429, "rate_limited", "按 Retry-After 等待", "wait as Retry-After says")
