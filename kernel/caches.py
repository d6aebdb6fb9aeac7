"""Where this user's caches are: what can be had again."""

import functools
import logging
import os
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)

OTHERS = 0o077


def cache_dir() -> Path:
    """Return the cache of this user, or the one named by SHUYUAN_CACHE_DIR.

    A user without a home that can be written to has one among the temporary files, and is warned.
    """
    if named := os.environ.get("SHUYUAN_CACHE_DIR"):
        return Path(named)
    usual = _usual()
    return usual if usual is not None and _is_writable(usual) else _temporary()


def _usual() -> Path | None:
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "shuyuan"
    except RuntimeError:  # neither HOME nor an entry for this user
        return None


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


@functools.cache
def _temporary() -> Path:
    """Return a folder of this user alone: what lies there is loaded as code. OSError otherwise."""
    folder = Path(tempfile.gettempdir()) / f"shuyuan-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & OTHERS:
        raise PermissionError(f"{folder} is not this user's alone: name SHUYUAN_CACHE_DIR")
    log.warning(
        "no home folder to keep a cache in: %s is used, and after each start without it records'"
        " checks are compiled anew, for 20 s of a core; name a lasting one in SHUYUAN_CACHE_DIR",
        folder,
    )
    return folder
