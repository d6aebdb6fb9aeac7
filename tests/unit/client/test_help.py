"""Help of every command at 80 columns, in either language: nothing is cut off (H11)."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest
from rich.cells import cell_len

from tests.support.processes import ROOT

WIDTH = 80
# Words of the exchange itself, which stand as they are in either language.
AS_THEY_ARE = re.compile(r"错误原因|区划 prefix 4501")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
EVERY_HELP = """
import json, typer
from shuyuan_client.cli.main import app

def walk(command, context):
    texts = [command.help or ""]
    texts += [each.help or "" for each in command.params if not getattr(each, "hidden", False)]
    yield context.command_path, command.get_help(context), texts
    for name, each in getattr(command, "commands", {}).items():
        yield from walk(each, type(context)(each, info_name=name, parent=context))

command = typer.main.get_command(app)
context = command.make_context("shuyuan", ["--help"], resilient_parsing=True)
print(json.dumps(list(walk(command, context))))
"""


def every_help(language: str) -> Mapping[str, tuple[str, list[str]]]:
    """Return what each command tells, and the texts that it is made of."""
    environment = {**os.environ, "SHUYUAN_LANG": language, "COLUMNS": str(WIDTH)}
    ran = subprocess.run(
        [sys.executable, "-c", EVERY_HELP],
        env=environment, cwd=ROOT, capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    return {path: (told, texts) for path, told, texts in json.loads(ran.stdout)}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_help_is_whole_and_in_one_language(language: str) -> None:
    helps = every_help(language)
    assert {"shuyuan apply", "shuyuan audit verify", "shuyuan agent run"} <= helps.keys()
    for path, (told, texts) in helps.items():
        assert [line for line in told.splitlines() if cell_len(line) > WIDTH] == [], path
        assert "…" not in told, path
        whole = "".join(told.split())
        for text in texts:
            assert text, path
            assert "".join(text.split()).removesuffix("Showthismessageandexit.") in whole, path
            is_chinese = CHINESE.search(AS_THEY_ARE.sub("", text)) is not None
            if text != "Show this message and exit.":
                assert is_chinese is (language == "zh"), (path, text)
