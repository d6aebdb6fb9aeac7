"""Where a consumer's position is kept, beside what it has stored of the records."""

import os
import tempfile
from pathlib import Path
from typing import Protocol

from shuyuan_client.failures import unusable_file


class CursorStore(Protocol):
    """Keeps one cursor; one in the consumer's own database is `agent.positions`."""

    def read(self) -> str | None:
        """Return the cursor, None where none was written."""

    def write(self, cursor: str) -> None:
        """Keep the cursor; when this returns it outlives a crash."""


class FileCursor:
    """A cursor in a file of its own, replaced whole; raises Failure where that cannot be done."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str | None:
        try:
            return self._path.read_text(encoding="ascii").strip() or None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable_file(str(self._path), error) from error

    def write(self, cursor: str) -> None:
        try:
            self._replace(cursor)
        except OSError as error:
            raise unusable_file(str(self._path), error) from error

    def _replace(self, cursor: str) -> None:
        folder = self._path.parent
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="ascii") as draft:
            draft.write(cursor)
            draft.flush()
            os.fsync(draft.fileno())
        Path(draft.name).replace(self._path)
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make the new name of a file as durable as its content."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
