"""Small files of the state directory: written whole, private, and locked against a second run."""

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local.wording import LocalError
from kernel.drafts import write_whole

LOCK_PATIENCE_SECONDS = 600.0
POLL_SECONDS = 0.05


def write_private(path: Path, text: str) -> None:
    """Replace the file as a whole, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)


def private_folder(path: Path) -> None:
    """Make the folder, or close an older one, for its owner alone."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)


def write_json(path: Path, value: object) -> None:
    write_private(path, json.dumps(value, ensure_ascii=False, indent=1))


def read_json(path: Path) -> dict[str, Any]:
    """Read an object; a missing or torn file counts as empty."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@contextmanager
def locked(
    path: Path,
    *,
    waiting: Callable[[], None] = lambda: None,
    patience_seconds: float = LOCK_PATIENCE_SECONDS,
) -> Iterator[None]:
    """Hold the lock file; the kernel releases it however this process ends.

    `waiting` is called once where another holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        if not _try(stream.fileno()):
            waiting()
            _acquire(stream.fileno(), path, time.monotonic() + patience_seconds)
        yield


def _acquire(descriptor: int, path: Path, deadline: float) -> None:
    while not _try(descriptor):
        if time.monotonic() > deadline:
            raise _held(path)
        time.sleep(POLL_SECONDS)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held(path: Path) -> LocalError:
    return LocalError(
        f"另一个启动或停止正在进行且迟迟不结束（锁 {path}）；请等它结束，或结束那个进程后重试。",
        f"Another up or down holds {path} and does not finish; wait for it or end it, then retry.",
    )
