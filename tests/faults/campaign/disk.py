"""A small disk of its own for the broker's log, in a mount namespace that ends with us."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SIZE_MIB = 1024
INSIDE = "FAULTS_INSIDE"
TRIAL_SECONDS = 10.0
CHUNK_BYTES = 1024 * 1024
TRIAL = ("sh", "-c", "mount -t tmpfs -o size=1m none /mnt")


def enter_namespace() -> str:
    """Run this program again where it may mount; return why not when the machine forbids it.

    Inside the namespace, and after a refusal, it returns; the reason is empty inside.
    """
    if os.environ.get(INSIDE):
        return ""
    program = shutil.which("unshare")
    if program is None:
        return "`unshare` is not installed"
    wrapped = _unshare(program)
    refusal = _trial(wrapped)
    if refusal:
        return refusal
    os.environ[INSIDE] = "1"
    arguments = [*wrapped, sys.executable, "-m", "tests.faults.campaign", *sys.argv[1:]]
    os.execv(program, arguments)  # noqa: S606 - the same program, no shell
    raise AssertionError("unreachable")


def _unshare(program: str) -> Sequence[str]:
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return [program, *rights, "--mount", "--propagation", "private"]


def _trial(wrapped: Sequence[str]) -> str:
    outcome = subprocess.run(
        [*wrapped, *TRIAL], capture_output=True, text=True, timeout=TRIAL_SECONDS, check=False
    )
    return "" if outcome.returncode == 0 else outcome.stderr.strip() or "mounting is refused"


class SmallDisk:
    """A tmpfs on a folder; `fill` leaves no byte free, `free` gives them back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._filler = folder / ".filler"

    def mount(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        options = f"size={SIZE_MIB}m,mode=0700"
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "shuyuan-faults", str(self._folder)],
            check=True, timeout=TRIAL_SECONDS,
        )  # fmt: skip

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self._folder)], check=False, timeout=TRIAL_SECONDS)

    def fill(self) -> None:
        with self._filler.open("wb", buffering=0) as stream:
            try:
                while stream.write(bytes(CHUNK_BYTES)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)
