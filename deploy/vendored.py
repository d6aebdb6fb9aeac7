"""`make vendored`: the console's files from elsewhere, out of their packages by the lock file.

Nothing is written before the package and each of its files have the digests of the lock.
"""

import base64
import hashlib
import sys
import tarfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gateway.console.static import FOLDER

LOCK: Final = FOLDER.parent / "vendored.lock"
INSIDE: Final = "package"


def locked() -> Mapping[str, Any]:
    """Return what the lock file says, by package."""
    return tomllib.loads(LOCK.read_text(encoding="utf-8"))


def taken(package: Path, wanted: Mapping[str, Any]) -> Mapping[str, bytes]:
    """Return the files by the names that they get; raises SystemExit where a digest differs."""
    digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != wanted["integrity"]:
        sys.exit(f"{package}: not the package of {LOCK.name}")
    found: dict[str, bytes] = {}
    with tarfile.open(package) as archive:
        for member, file in wanted["files"].items():
            stream = archive.extractfile(f"{INSIDE}/{member}")
            content = stream.read() if stream else b""
            if hashlib.sha512(content).hexdigest() != file["sha512"]:
                sys.exit(f"{package}: {member} is not the file of {LOCK.name}")
            found[file["name"]] = content
    return found


def main(folder: Path) -> None:
    for name, wanted in locked().items():
        files = taken(folder / f"{name}-{wanted['version']}.tgz", wanted)
        for target, content in files.items():
            (FOLDER / target).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
