"""Keeps logs within a bound while they are written: `python -m deploy.local.rotation FOLDER`.

The processes hold their files open, so a log that has grown too long is copied and emptied: who
appends goes on at its beginning. What is written in the instant between the two is lost.
"""

import os
import shutil
import sys
import time
from pathlib import Path

LOG_LIMIT_BYTES = 16 * 1024 * 1024
LOOK_SECONDS = 2.0
PREVIOUS = ".previous.log"


def previous(path: Path) -> Path:
    """Return where the last part of a log goes; what stood there is replaced."""
    return path.with_suffix(PREVIOUS)


def is_long(path: Path) -> bool:
    return path.exists() and path.stat().st_size > LOG_LIMIT_BYTES


def rotate_all(folder: Path) -> None:
    """Empty every log of the folder that has grown too long, keeping its last part beside it."""
    for path in folder.glob("*.log"):
        if not path.name.endswith(PREVIOUS) and is_long(path):
            _rotate(path)


def _rotate(path: Path) -> None:
    draft = path.with_suffix(".draft")
    try:
        shutil.copyfile(path, draft)
        draft.replace(previous(path))
    except OSError:
        # A full disk has no room for a copy, and the log must not fill it further.
        draft.unlink(missing_ok=True)
    os.truncate(path, 0)


def main(folder: Path) -> None:
    """Look at the logs until the folder is gone."""
    os.umask(0o077)
    while folder.is_dir():
        rotate_all(folder)
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
