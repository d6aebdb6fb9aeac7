"""Options of a program that is typed: help and refusals in the language of the terminal.

argparse tells them in English alone; its sentences are known by their beginnings, and one that is
not known stands as it is.
"""

import argparse
import sys
from collections.abc import Sequence
from gettext import gettext
from typing import Any, Final, NoReturn

from shuyuan_client.cli.helping import folded, one_language, speak_anywhere
from shuyuan_client.cli.usage import known
from shuyuan_client.wording import in_english, say

WRONG: Final = 2
SENTENCES: Final[Sequence[tuple[str, str]]] = (
    (r"the following arguments are required: (.+)", r"缺少参数：\1。"),
    (r"unrecognized arguments: (.+)", r"没有选项或参数 \1。"),
    (r"one of the arguments (.+) is required", r"须给出以下选项之一：\1。"),
    (r"ambiguous option: (.+) could match (.+)", r"选项 \1 不明确，可为 \2。"),
    (r"argument (.+?): expected one argument", r"选项 \1 须带一个值。"),
    (r"argument (.+?): expected at least one argument", r"选项 \1 须带至少一个值。"),
    (r"argument (.+?): expected (\d+) arguments?", r"选项 \1 须带 \2 个值。"),
    (r"argument (.+?): ignored explicit argument .+", r"选项 \1 不能带值。"),
    (r"argument (.+?): not allowed with argument (.+)", r"选项 \1 不能与 \2 同用。"),
    (r"argument (.+?): invalid int value: (.+)", r"\1 须为整数，不能是 \2。"),
    (r"argument (.+?): invalid float value: (.+)", r"\1 须为数字，不能是 \2。"),
    (r"argument (.+?): invalid choice: (.+) \(choose from (.+)\)", r"\1 不能是 \2，须为：\3。"),
    (r"argument (.+?): invalid \w+ value: (.+)", r"\1 的值不正确：\2。"),
)
TITLES: Final = {"positional arguments": "参数", "options": "选项"}


class Parser(argparse.ArgumentParser):
    """As argparse's own; `description` and each `help` may be Chinese first, then English."""

    def __init__(self, prog: str, description: str | None = None) -> None:
        super().__init__(
            prog=prog, description=one_language(description), allow_abbrev=False, add_help=False
        )
        self.add_argument("-h", "--help", action="help", help=say("显示帮助", "show this help"))

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 - as argparse has it
        speak_anywhere()
        return super().parse_args(args, namespace)

    def format_help(self) -> str:
        for action in self._actions:
            action.help = one_language(action.help)
        text = super().format_help()
        if in_english():
            return text
        text = text.replace(gettext("usage: "), "用法: ", 1)
        for english, chinese in TITLES.items():
            text = text.replace(f"\n{english}:\n", f"\n{chinese}:\n")
        return text

    def error(self, message: str) -> NoReturn:
        """Tell what is wrong with the command line, and the way to the help; exit code 2."""
        told = message if in_english() else known(message, SENTENCES)
        help_ = say(f"查看帮助：{self.prog} --help", f"Try '{self.prog} --help' for help.")
        sys.stderr.write(folded(f"{help_}\n\n✗ {told}"))
        sys.exit(WRONG)
