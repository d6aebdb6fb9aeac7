"""docs/cli.md names every command of `shuyuan`, and no other."""

from collections.abc import Iterator
from typing import Any

import typer

from shuyuan_client import failures
from shuyuan_client.cli.main import app
from tests.docs.pages import quoted, rows, text


def commands(command: Any, name: str = "shuyuan") -> Iterator[str]:  # noqa: ANN401 - click or typer
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name
        return
    for word, each in inner.items():
        yield from commands(each, f"{name} {word}")


def test_the_page_names_every_command_and_no_other() -> None:
    told = [quoted(row["command"]) for row in rows(text("cli.md"), "command")]
    assert sorted(told) == sorted(commands(typer.main.get_command(app)))


def test_exit_codes_are_those_of_the_code() -> None:
    told = {int(row["exit code"]) for row in rows(text("cli.md"), "exit code")}
    usage_errors, done = 2, 0
    coded = {number for name, number in vars(failures).items() if name.startswith("EXIT_")}
    assert told == coded | {usage_errors, done}
