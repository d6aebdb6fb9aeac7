"""Refusals of a publish."""

from collections.abc import Sequence

from kernel.errors import FieldError, Invalid, Text, TooLarge, Unavailable


class RecordsInvalid(Invalid):
    """At least one record does not satisfy the contract: nothing was stored (P2)."""

    code = "validation_failed"
    title = Text(
        "有记录未通过校验，整批未入库；请按 errors 逐条更正后重新提交",
        "Some records do not satisfy the contract; nothing was stored",
    )


class QuarantineFull(Invalid):
    """The invalid records would not fit: nothing was stored, the valid ones neither."""

    code = "quarantine_full"
    title = Text("隔离区已满，整批未入库", "The quarantine is full; nothing was stored")

    def __init__(
        self, entries: int, bytes_: int, errors: Sequence[FieldError], error_count: int
    ) -> None:
        super().__init__(
            f"该资源的隔离区最多存放 {entries} 条、{bytes_} 字节，整批未入库；"
            "请先更正并清理已隔离的记录",
            f"The quarantine of this resource holds at most {entries} records and {bytes_} bytes; "
            "nothing was stored: correct and resolve what is in it first",
            errors=errors,
            error_count=error_count,
            limit_entries=entries,
            limit_bytes=bytes_,
        )


class Recovering(Unavailable):
    """After a restore the keys of this resource are read from the log; the publish waits for it."""

    code = "recovering"
    title = Text(
        "系统恢复后正在从数据日志重建幂等记录，请稍后以相同的 Idempotency-Key 重试",
        "After a restore the keys of this resource are being read from the log; "
        "retry with the same Idempotency-Key",
    )


class BodyTooLarge(TooLarge):
    code = "body_too_large"
    title = Text("请求体超过 8 MiB，请分批提交", "The body is over 8 MiB; split it")


class Misrouted(Unavailable):
    """A hot path reached FastAPI: the dispatcher in front of it is missing."""

    code = "misrouted"
    title = Text("请求未到达数据通道，请联系运维", "The request missed the record path")
