"""Refusals of a pull."""

from dataclasses import dataclass

from kernel.errors import Gone, Text, TooMany


@dataclass(frozen=True, slots=True)
class Day:
    """Records that may leave on one day, how many still may, and for how many seconds."""

    quota: int
    left: int
    seconds: int


class QuotaExhausted(TooMany):
    """Retry-After leads to the next midnight, Asia/Shanghai."""

    code = "quota_exhausted"
    title = Text("今日可提取的记录数已用完", "Today's quota of records is used up")

    def __init__(self, day: Day) -> None:
        super().__init__(retry_after_seconds=day.seconds)
        self.day = day


class CursorExpired(Gone):
    """`earliest_cursor` leads to the first records still kept; `lost` places lie before, about."""

    code = "cursor_expired"
    title = Text(
        "游标所指的记录已超出保留期；可从 earliest_cursor 继续",
        "The records at this cursor are no longer kept; go on from earliest_cursor",
    )
