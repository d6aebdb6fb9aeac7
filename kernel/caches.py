"""Where this user's caches are: what can be had again."""

import os
from pathlib import Path


def cache_dir() -> Path:
    """Return the cache of this user, or the one named by SHUYUAN_CACHE_DIR."""
    if named := os.environ.get("SHUYUAN_CACHE_DIR"):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "shuyuan"
