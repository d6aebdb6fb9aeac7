"""Refusals of full replacements."""

from kernel.errors import Conflict, Text


class ReplacementOpen(Conflict):
    code = "replacement_open"
    title = Text(
        "该资源已有进行中的全量替换，请先提交或放弃",
        "A full replacement of this resource is open; commit or abort it first",
    )


class KeysUnreadable(Conflict):
    """A refused record whose key nobody can read may be any of those that would be deleted."""

    code = "keys_unreadable"
    title = Text(
        "隔离区中有主键无法识别的记录，无法判断哪些记录应删除；请更正并清理后再提交",
        "The quarantine holds records whose key cannot be read, so nobody knows what to delete;"
        " correct and resolve them first",
    )


class TooManyDeletes(Conflict):
    code = "too_many_deletes"
    title = Text("将删除的记录过多，未执行", "Too many records would be deleted; nothing was")

    def __init__(self, deletes: int, most: int, records: int) -> None:
        super().__init__(
            f"共 {records} 条，将删除 {deletes} 条，超过上限 {most} 条；确认无误后请在 max_deletes "
            "中写明数量",
            f"{deletes} of {records} records would be deleted, over the limit of {most}; if that is"
            " right, say so in max_deletes",
            deletes=deletes,
            max_deletes=most,
            records=records,
        )
