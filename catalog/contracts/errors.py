"""Refusals of a whole body, of a pattern and of a contract."""

from kernel.errors import Invalid, Text


class EmptyBody(Invalid):
    code = "empty_body"
    title = Text("请求体没有任何记录", "The body holds no record")


class TooManyRecords(Invalid):
    """Facts: `limit`."""

    code = "too_many_records"
    title = Text("一次提交的记录过多", "Too many records in one request")


class LineTooLong(Invalid):
    """Facts: `limit` in bytes, `index` of the first record beyond it."""

    code = "line_too_long"
    title = Text("单条记录过长", "A record is too long")


class UnsafePattern(Invalid):
    title = Text("正则表达式不可用", "The pattern cannot be used")


class UnusableContract(Invalid):
    title = Text("数据契约不可用", "The contract cannot be used")
