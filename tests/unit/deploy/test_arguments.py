"""A wrong command line is told in the language of the terminal by every program that is typed."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from deploy.arguments import WRONG, Parser
from tests.support.processes import ROOT

CHINESE = re.compile(r"[\u4e00-\u9fff]")
CASES = [
    ([], "缺少参数：name。"),
    (["a", "--conut", "3"], "没有选项或参数 --conut 3。"),
    (["a", "--count", "many"], "--count 须为整数，不能是 many。"),
    (["a", "--share", "half"], "--share 须为数字，不能是 half。"),
    (["a", "--count"], "选项 --count 须带一个值。"),
    (["a", "--some"], "选项 --some 须带至少一个值。"),
    (["a", "--pair", "1"], "选项 --pair 须带 2 个值。"),
    (["a", "--dry=1"], "选项 --dry 不能带值。"),
    (["a", "--colour", "green"], "--colour 不能是 green，须为：red、blue。"),
    (["a", "--fit", "--check"], "选项 --check 不能与 --fit 同用。"),
]
TYPED = [
    ("gateway", "serve", "x"),
    ("deploy.migrations", "upgrad"),
    ("deploy.local", "up", "--x"),
    ("deploy.capacity", "nosuch"),
]


def parser() -> Parser:
    made = Parser("python -m some.thing", "试验 / a trial")
    made.add_argument("name", help="名称 / a name")
    made.add_argument("--count", type=int, help="个数 / how many")
    made.add_argument("--share", type=float)
    made.add_argument("--some", nargs="+")
    made.add_argument("--pair", nargs=2)
    made.add_argument("--dry", action="store_true")
    made.add_argument("--colour", choices=["red", "blue"])
    either = made.add_mutually_exclusive_group()
    either.add_argument("--fit", action="store_true")
    either.add_argument("--check", action="store_true")
    return made


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("words", "chinese"), CASES)
def test_a_wrong_command_line_is_told_in_one_language(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    language: str,
    words: list[str],
    chinese: str,
) -> None:
    monkeypatch.setenv("SHUYUAN_LANG", language)
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(words)
    told = capsys.readouterr().err
    assert ended.value.code == WRONG
    if language == "zh":
        assert chinese in told
    else:
        assert CHINESE.search(told) is None, told


@pytest.mark.parametrize(("language", "title"), [("zh", "选项:"), ("en", "options:")])
def test_help_is_in_one_language(
    monkeypatch: pytest.MonkeyPatch, language: str, title: str
) -> None:
    monkeypatch.setenv("SHUYUAN_LANG", language)
    told = parser().format_help()
    assert title in told
    words = re.findall(r"\b(usage|options|positional|trial|name|how)\b", told.partition("\n\n")[2])
    assert (CHINESE.search(told) is not None, words != ["name"]) == (
        language == "zh",
        language == "en",
    )


@pytest.mark.parametrize("words", TYPED, ids=lambda words: words[0])
def test_every_program_tells_it(words: Sequence[str]) -> None:
    """`python -m gateway serve x` was refused in English whatever the terminal speaks."""
    environment = {**os.environ, "SHUYUAN_LANG": "zh"}
    ran = subprocess.run(
        [sys.executable, "-m", *words],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (WRONG, "")
    assert "查看帮助" in ran.stderr
    assert CHINESE.search(ran.stderr.rpartition("✗")[2]), ran.stderr
