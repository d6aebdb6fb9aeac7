"""What a wrong command line is told, in the language of the terminal.

The library tells it in English alone. Its classes are its own affair: they are known here by what
they carry, and their sentences by their beginnings; one that is not known stands as it is.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import typer
from typer.exceptions import TyperException

from shuyuan_client.wording import in_english, say

# Its message is the help itself, which is in one language already.
HELP: Final = "NoArgsIsHelpError"
# What pydantic says of its own finding, which adds nothing.
OWN: Final = "Value error, "
SENTENCES: Final[Sequence[tuple[str, str]]] = (
    (r"Missing command\.", "缺少命令。"),
    (r"No such command '(.+)'\. Did you mean (.+)\?", r"没有命令 \1，是否为 \2？"),
    (r"No such command '(.+)'\.", r"没有命令 \1。"),
    (r"No such option: (\S+) \(Possible options: (.+)\)", r"没有选项 \1，是否为 \2？"),
    (r"No such option: (\S+)", r"没有选项 \1。"),
    (r"Got unexpected extra argument\(s\) \((.+)\)", r"多余的参数：\1"),
    (r"Option '(.+)' does not take a value\.", r"选项 \1 不能带值。"),
    (r"Option '(.+)' requires an argument\.", r"选项 \1 须带一个值。"),
    (r"Option '(.+)' requires (\d+) arguments\.", r"选项 \1 须带 \2 个值。"),
    (r"Argument '(.+)' takes (\d+) values\.", r"参数 \1 须为 \2 个值。"),
    (r"Could not open file '(.+)': (.+)", r"无法打开文件 \1：\2"),
)
VALUES: Final[Sequence[tuple[str, str]]] = (
    (r"\w+ '(.+)' does not exist\.", r"\1 不存在。"),
    (r"\w+ '(.+)' is a file\.", r"\1 是文件，须为文件夹。"),
    (r"\w+ '(.+)' is a directory\.", r"\1 是文件夹，须为文件。"),
    (r"\w+ '(.+)' is not readable\.", r"\1 不可读。"),
    (r"\w+ '(.+)' is not writable\.", r"\1 不可写。"),
    (r"'.*' is not one of (.+)\.", r"须为以下之一：\1。"),
    (r"Value (.+) is not a valid (.+)\.", r"\1 不是 \2 类型的值。"),
    (r"Value must be an iterable\.", "须为若干个值。"),
    (r"'(.+)': (.+)", r"\1：\2"),
)
# By the beginning of the kind of a finding of pydantic; `{}` is what it is held against.
FINDINGS: Final[Sequence[tuple[str, str]]] = (
    ("int_", "须为整数。"),
    ("float_", "须为数字。"),
    ("finite_number", "须为数字。"),
    ("decimal_", "须为数字。"),
    ("bool_", "须为 true 或 false。"),
    ("datetime_", "须为日期或时间，如 2026-05-01T10:00:00。"),
    ("date_", "须为日期，如 2026-05-01。"),
    ("uuid_", "须为 UUID。"),
    ("greater_than_equal", "须不小于 {}。"),
    ("greater_than", "须大于 {}。"),
    ("less_than_equal", "须不大于 {}。"),
    ("less_than", "须小于 {}。"),
    ("enum", "须为以下之一：{}。"),
    ("literal_error", "须为以下之一：{}。"),
)


@contextmanager
def spoken() -> Iterator[None]:
    """Tell what is wrong with the command line, and end with the code that is usual for it."""
    try:
        yield
    except TyperException as error:
        if type(error).__name__ == HELP:
            raise
        tell(error)
        raise typer.Exit(error.exit_code) from None
    except typer.Abort:
        typer.echo(say("已中止。", "Aborted!"), err=True)
        raise typer.Exit(1) from None


def tell(error: Any) -> None:  # noqa: ANN401 - the library's own
    """Write usage, the way to the help and the sentence to the standard error."""
    from shuyuan_client.cli.helping import folded  # noqa: PLC0415 - which looks for this one

    context, lines = getattr(error, "ctx", None), []
    if context is not None:
        pieces = context.command.collect_usage_pieces(context)
        lines.append(f"{say('用法', 'Usage')}: {' '.join([context.command_path, *pieces])}")
        help_ = f"{context.command_path} --help"
        lines.append(say(f"查看帮助：{help_}", f"Try '{help_}' for help."))
        lines.append("")
    lines.append(f"✗ {sentence(error)}")
    typer.echo(folded("\n".join(lines)), err=True, nl=False)


def sentence(error: Any) -> str:  # noqa: ANN401 - the library's own
    """Return what is wrong, and where."""
    english = str(error.format_message()).replace(OWN, "")
    if in_english():
        return english
    name = _name(error)
    if english.startswith("Missing ") and name:
        return f"缺少{_kind(error)} {name}。{_choices(english)}"
    if english.startswith("Invalid value"):
        where = f"{_kind(error)} {name} 的值" if name else "值"
        return f"{where}不正确：{_value(error)}"
    return known(english, SENTENCES)


def _kind(error: Any) -> str:  # noqa: ANN401 - the library's own
    param = getattr(error, "param", None)
    return "选项" if getattr(param, "param_type_name", "option") == "option" else "参数"


def _name(error: Any) -> str:  # noqa: ANN401 - the library's own
    """Return the option or argument that the error is about."""
    param = getattr(error, "param", None)
    hint = getattr(error, "param_hint", None) or (param.get_error_hint() if param else "")
    return (" / ".join(hint) if isinstance(hint, list | tuple) else str(hint)).replace("'", "")


def _choices(english: str) -> str:
    _, chosen, choices = english.partition("Choose from:")
    return f"可选：{' '.join(choices.split())}" if chosen else ""


def _value(error: Any) -> str:  # noqa: ANN401 - the library's own
    message = str(error.message).removeprefix(OWN)
    findings = getattr(error.__cause__, "errors", None)
    first: dict[str, Any] = findings()[0] if callable(findings) else {}
    for kind, told in FINDINGS:
        if str(first.get("type", "")).startswith(kind):
            return told.format(*map(str, first.get("ctx", {}).values()))
    return known(message, VALUES)


def known(english: str, sentences: Sequence[tuple[str, str]]) -> str:
    """Return a library's sentence in Chinese; as it stands where no pattern is it."""
    for pattern, chinese in sentences:
        if re.fullmatch(pattern, english):
            return re.sub(pattern, chinese, english).replace("'", "").replace(", ", "、")
    return english
