"""A wrong command line is told in the language of the terminal, at 80 columns, nothing cut."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from rich.cells import cell_len
from typer.testing import CliRunner

from shuyuan_client.cli.helping import in_one_language

WIDTH = 80
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Names of options and commands, types and values stand as they are.
WORDS = re.compile(r"\b(Missing|Invalid|No such|Option|Argument|Input|should|Value|Try|Usage)\b")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def app() -> typer.Typer:
    made = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

    @made.command()
    def take(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
        *,
        need: Annotated[str, typer.Option()],
        count: Annotated[int, typer.Option(min=2, max=9)] = 2,
        share: Annotated[float, typer.Option()] = 0.5,
        since: Annotated[datetime | None, typer.Option()] = None,
        colour: Annotated[Colour, typer.Option()] = Colour.RED,
        pair: Annotated[tuple[int, int] | None, typer.Option()] = None,
        dry: Annotated[bool, typer.Option("--dry")] = False,
    ) -> None:
        """取 / take."""

    @made.command()
    def both(pair: Annotated[tuple[int, int], typer.Argument()]) -> None:
        """两个 / both."""

    @made.command()
    def stop() -> None:
        """停 / stop."""
        raise typer.Abort

    inner = typer.Typer(no_args_is_help=False)
    inner.command()(stop)
    inner.callback()(lambda: None)
    made.add_typer(inner, name="inner")
    in_one_language(made)
    return made


OWN = str(Path(__file__))
GOOD = ("take", OWN, "--need", "x")
# By the library's class: command lines, and what is said of them in Chinese.
CASES: dict[str, Sequence[tuple[tuple[str, ...], str]]] = {
    "UsageError": [
        (("nosuch",), "没有命令 nosuch"),
        (("tak",), "是否为 take"),
        (("inner",), "缺少命令"),
        ((*GOOD, "more", "words"), "多余的参数：more words"),
    ],
    "MissingParameter": [
        (("take", OWN), "缺少选项 --need"),
        (("take", "--need", "x"), "缺少参数 file"),
    ],
    "BadParameter": [
        ((*GOOD, "--count", "many"), "选项 --count 的值不正确：须为整数"),
        ((*GOOD, "--count", "1"), "须不小于 2"),
        ((*GOOD, "--count", "10"), "须不大于 9"),
        ((*GOOD, "--share", "half"), "须为数字"),
        ((*GOOD, "--since", "tomorrow"), "须为日期或时间"),
        ((*GOOD, "--colour", "green"), "须为以下之一：red、blue"),
        (("take", "/nowhere/" + "long/" * 30, "--need", "x"), "不存在"),
        (("take", "/", "--need", "x"), "/ 是文件夹，须为文件"),
    ],
    "NoSuchOption": [((*GOOD, "--conut", "3"), "没有选项 --conut，是否为 --colour、--count")],
    "BadOptionUsage": [
        ((*GOOD, "--dry=1"), "选项 --dry 不能带值"),
        (("take", OWN, "--need"), "选项 --need 须带一个值"),
        ((*GOOD, "--pair", "1"), "选项 --pair 须带 2 个值"),
    ],
    "BadArgumentUsage": [(("both", "1"), "参数 pair 须为 2 个值")],
    "NoArgsIsHelpError": [((), "用法")],
}


def usage_errors(above: type[Any]) -> Iterator[str]:
    yield above.__name__
    for each in above.__subclasses__():
        yield from usage_errors(each)


def test_every_kind_of_usage_error_has_its_case() -> None:
    """A kind that a newer release of the library adds fails this test first."""
    usage_error = typer.BadParameter.__mro__[1]
    assert usage_error.__name__ == "UsageError"
    assert set(usage_errors(usage_error)) == set(CASES)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("words", "chinese"),
    [case for cases in CASES.values() for case in cases],
)
def test_a_wrong_command_line_is_told_in_one_language(
    monkeypatch: pytest.MonkeyPatch, language: str, words: tuple[str, ...], chinese: str
) -> None:
    monkeypatch.setenv("SHUYUAN_LANG", language)
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    ran = CliRunner().invoke(app(), list(words), prog_name="shuyuan")
    assert ran.exit_code == 2
    told = ran.output
    assert [line for line in told.splitlines() if cell_len(line) > WIDTH] == []
    whole = "".join(told.split())
    if language == "zh":
        assert "".join(chinese.split()) in whole, told
        assert not WORDS.search(told), told
    else:
        assert not CHINESE.search(told), told
    for word in words:
        if word.startswith("/nowhere"):
            assert word.rstrip("/") in whole, "a long name is folded, not cut"


@pytest.mark.parametrize(("language", "told"), [("zh", "已中止。"), ("en", "Aborted!")])
def test_what_is_given_up_says_so(
    monkeypatch: pytest.MonkeyPatch, language: str, told: str
) -> None:
    monkeypatch.setenv("SHUYUAN_LANG", language)
    ran = CliRunner().invoke(app(), ["stop"])
    assert (ran.exit_code, ran.output.strip()) == (1, told)
