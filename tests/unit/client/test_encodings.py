"""No sentence fails of a sign that the terminal's encoding lacks."""

import os
import subprocess
import sys

import pytest

from tests.support.processes import ROOT


@pytest.mark.parametrize(
    ("encoding", "sign"), [("gbk", "√ shuyuan-client"), ("latin-1", "? shuyuan-client"),
                           ("utf-8", "✓ shuyuan-client")]
)  # fmt: skip
def test_a_terminal_that_lacks_signs_is_spoken_to(encoding: str, sign: str) -> None:
    """`✓` is not in GBK, the encoding of many an office's machine: it was once a traceback."""
    ran = subprocess.run(
        [sys.executable, "-m", "shuyuan_client", "doctor", "--base-url", "http://127.0.0.1:9"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "SHUYUAN_LANG": "zh",
             "SHUYUAN_CLIENT_ID": "a", "SHUYUAN_CLIENT_SECRET": "b"},
        cwd=ROOT, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 3, ran.stderr
    assert ran.stdout.decode(encoding).startswith(sign)
