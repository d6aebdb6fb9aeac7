"""Refusals of a publish."""

from kernel.errors import Invalid, Text, TooLarge, Unavailable


class RecordsInvalid(Invalid):
    """At least one record does not satisfy the contract: nothing was stored (P2)."""

    code = "validation_failed"
    title = Text(
        "有记录未通过校验，整批未入库；请按 errors 逐条更正后重新提交",
        "Some records do not satisfy the contract; nothing was stored",
    )


class BodyTooLarge(TooLarge):
    code = "body_too_large"
    title = Text("请求体超过 8 MiB，请分批提交", "The body is over 8 MiB; split it")


class Misrouted(Unavailable):
    """A hot path reached FastAPI: the dispatcher in front of it is missing."""

    code = "misrouted"
    title = Text("请求未到达数据通道，请联系运维", "The request missed the record path")
