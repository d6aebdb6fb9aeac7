"""Refusals of a pull."""

from dataclasses import dataclass

from kernel.errors import Conflict, Gone, Text, TooMany, Unavailable


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


class GenerationChanged(Conflict):
    """The platform's data were restored since the cursor was issued; `cursor` goes on from it."""

    code = "generation_changed"
    title = Text(
        "平台数据在该游标签发之后曾被恢复；核对后可从 cursor 继续",
        "The platform's data were restored after this cursor was issued; go on from cursor",
    )


class CursorExpired(Gone):
    """`earliest_cursor` leads to the first records still kept; `lost` places lie before, about."""

    code = "cursor_expired"
    title = Text(
        "游标所指的记录已超出保留期；可从 earliest_cursor 继续",
        "The records at this cursor are no longer kept; go on from earliest_cursor",
    )


class SnapshotOutdated(Gone):
    """The grant, or what it shows, has changed since the snapshot was begun."""

    title = Text(
        "授权或所见内容在快照之后已变更，该快照不再提供；请另行生成",
        "The grant, or what it shows, has changed since: make another snapshot",
    )


class RecallUnderWay(Unavailable):
    """The list that a narrower filter begins with is being made, usually within five seconds."""

    def __init__(self) -> None:
        super().__init__(
            "行过滤已缩小，平台正在列出须收回的记录，请稍后重试",
            "The row filter was narrowed: what is taken back is being listed; try again shortly",
        )


class UnknownVersion(Unavailable):
    """The log holds records of a contract version that the catalogue does not know."""

    def __init__(self) -> None:
        super().__init__(
            "日志中有目录尚不认识的契约版本的记录，运维人员已获通知，请稍后重试",
            "The log holds records of a contract version unknown to the catalogue; operators were"
            " told; try again later",
        )
