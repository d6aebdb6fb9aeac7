"""Refusals of files."""

from exchange.errors import NotDeliverable
from kernel.errors import BadRequest, Conflict, Text


class WrongOffset(Conflict):
    """`offset` is how many bytes are there."""

    title = Text(
        "续传位置与已收到的字节数不符，请先用 HEAD 查询 Upload-Offset",
        "The offset is not where the upload stands: ask for Upload-Offset by HEAD",
    )

    def __init__(self, offset: int) -> None:
        super().__init__(offset=offset)


class ChecksumMismatch(BadRequest):
    """The piece arrived otherwise than it was sent; nothing of it is kept (tus 1.0)."""

    code = "checksum_mismatch"
    title = Text(
        "本段内容与 Upload-Checksum 不符，未保存，请重传",
        "The piece does not have the digest of Upload-Checksum: it was dropped, send it again",
    )


class FilesNotAllowed(Conflict):
    """A file cannot be masked, nor its rows be filtered."""

    title = Text(
        "只有数据级别不超过 2 级、没有需脱敏信息项、共享方式含“文件”的资源可以提供文件",
        "Files are for resources of grade 2 at most, without masked items, shared by mode file",
    )


class FilesNotShown(NotDeliverable):
    """The grant shows less than a file holds."""

    code = "files_not_granted"
    title = Text(
        "授权未包括全部信息项、带有过滤条件或指定了代码版本，或资源含需脱敏的信息项，不能下载原文件；可生成快照",
        "The grant leaves items or rows out or names editions of codes, or the resource masks"
        " items: files are not handed on; make a snapshot",
    )
