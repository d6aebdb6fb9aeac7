"""What can be expected to go wrong: one sentence with its remedy, no traceback."""

from collections.abc import Mapping

from shuyuan_client.wording import say

EXIT_FAILED = 1
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130
REASONS: Mapping[type[OSError], str] = {
    FileNotFoundError: "文件不存在",
    IsADirectoryError: "是一个目录",
    PermissionError: "没有权限",
}


class Failure(Exception):
    """Ends the command with `exit_code` after saying the sentence in the user's language."""

    exit_code = EXIT_FAILED

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(chinese, english)
        self.sentence = say(chinese, english)

    def __str__(self) -> str:
        return self.sentence


class Unreachable(Failure):
    """The exchange or its database did not answer, or not in time."""

    exit_code = EXIT_UNREACHABLE


def unusable_file(name: str, error: OSError) -> Failure:
    english = error.strerror or str(error)
    chinese = REASONS.get(type(error), english)
    return Failure(
        f"无法读写 {name}：{chinese}；请检查路径与权限。",
        f"Cannot read or write {name}: {english}; check path and rights.",
    )
