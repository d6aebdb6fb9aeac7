"""Help of every command: in the language of the terminal, at any width, and nothing cut off."""

import codecs
import inspect
import io
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from shuyuan_client.cli.usage import spoken
from shuyuan_client.wording import in_english, say

WIDTH_MIN, WIDTH_MAX = 40, 120
# A name that is longer stands on a line of its own.
NAME_MAX: Final = 28
# Chinese first, then English: how help is written where it is in both.
BETWEEN: Final = " / "
# What the library says by itself, in Chinese.
ITS_OWN: Final = {
    "Show this message and exit.": "显示帮助",
    "[required]": "[必填]",
    "; required]": "；必填]",
    "[default: ": "[缺省 ",
    "; default: ": "；缺省 ",
    "[env var: ": "[环境变量 ",
}


# What stands in place of signs that GBK lacks.
INSTEAD: Final = "shuyuan"
SIGNS: Final = {"✓": "√", "✗": "×", "•": "·", "–": "-"}


class Command(TyperCommand):
    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer's own
        formatter.write(told(self, ctx))


class Group(TyperGroup):
    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - typer's own
        speak_anywhere()
        return super().main(*args, **options)

    def make_context(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - typer's own
        with spoken():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own
        with spoken():
            return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer's own
        formatter.write(told(self, ctx))


def speak_anywhere() -> None:
    """Let no sentence fail of a sign that the terminal's encoding lacks, such as ✓ in GBK."""
    codecs.register_error(INSTEAD, _instead)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=INSTEAD)


def _instead(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    told = "".join(SIGNS.get(sign, "?") for sign in lacking)
    try:
        told.encode(error.encoding)
    except UnicodeEncodeError:
        told = "?" * len(lacking)
    return told, error.end


def in_one_language(app: typer.Typer) -> None:
    """Have an app and all in it tell their help so; texts in two languages become one."""
    app.info.cls, app.info.help = Group, one_language(app.info.help)
    for command in app.registered_commands:
        documented = inspect.getdoc(command.callback) if command.callback else None
        command.cls, command.help = Command, one_language(command.help or documented)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            in_one_language(group.typer_instance)


def one_language(text: object) -> str | None:
    """Return the half of a text that is of the terminal's language, all of it where it has one."""
    if not isinstance(text, str):
        return None
    chinese, between, english = " ".join(text.split()).partition(BETWEEN)
    return english.rstrip(".") if between and in_english() else chinese


def told(command: Command | Group, ctx: Any) -> str:  # noqa: ANN401 - typer's own
    """Return the help of a command."""
    out = io.StringIO()
    console = _console(out)
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    console.print(Text(f"{say('用法', 'Usage')}: {usage}", overflow="fold"))
    console.print(Padding(Text(command.help or "", overflow="fold"), (1, 2)))
    for title, rows in _sections(command, ctx):
        if rows:
            console.print(Text(f"{title}:"))
            for name, text in rows:
                _print_row(console, name, text)
            console.print()
    return _trimmed(out)


def folded(text: str) -> str:
    """Return the text in lines of the terminal's width, nothing of it cut off."""
    out = io.StringIO()
    _console(out).print(Text(text, overflow="fold"))
    return _trimmed(out)


def _console(out: io.StringIO) -> Console:
    width = shutil.get_terminal_size().columns
    return Console(file=out, width=min(max(width, WIDTH_MIN), WIDTH_MAX), highlight=False)


def _trimmed(out: io.StringIO) -> str:
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _sections(
    command: Command | Group,
    ctx: Any,  # noqa: ANN401 - typer's own
) -> Iterator[tuple[str, Sequence[tuple[str, str]]]]:
    kinds: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            kinds[parameter.param_type_name].append((record[0], _translated(record[1])))
    yield say("参数", "Arguments"), kinds["argument"]
    yield say("选项", "Options"), kinds["option"]
    if isinstance(command, Group):
        inner = [(name, command.get_command(ctx, name)) for name in command.list_commands(ctx)]
        yield (
            say("命令", "Commands"),
            [(name, (each.help if each is not None else "") or "") for name, each in inner],
        )


def _translated(text: str) -> str:
    if in_english():
        return text
    for english, chinese in ITS_OWN.items():
        text = text.replace(english, chinese)
    return text


def _print_row(console: Console, name: str, text: str) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=2)
    table.add_column(width=NAME_MAX, overflow="fold")
    table.add_column(overflow="fold")
    if len(name) > NAME_MAX:
        console.print(Padding(Text(name, overflow="fold"), (0, 0, 0, 4)))
        name = ""
    table.add_row("", Text(name), Text(text))
    console.print(table)
