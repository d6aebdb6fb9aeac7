"""Where pulled records go: standard output, a file that is whole or absent, a file that grows."""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from shuyuan_client.failures import Failure

STANDARD = "-"


class Output(ABC):
    """A context: on leaving it after an error, only what `keep` kept is left."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def write(self, lines: Sequence[bytes]) -> None:
        if lines:
            self.stream.write(b"\n".join([*lines, b""]))

    @abstractmethod
    def keep(self) -> None:
        """Make what was written as durable as the place allows."""

    @abstractmethod
    def close(self, *, whole: bool) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(whole=kind is None)


class Standard(Output):
    def __init__(self) -> None:
        super().__init__(sys.stdout.buffer)

    def keep(self) -> None:
        self.stream.flush()

    def close(self, *, whole: bool) -> None:
        if whole:
            self.keep()


class WholeFile(Output):
    """Written beside its place, and moved there when complete."""

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise Failure(
                f"{path} 已存在；请换一个文件名，或先移走它。",
                f"{path} exists already; name another file, or move it away.",
            )
        self._path = path
        self._draft = path.with_name(f".{path.name}.part")
        super().__init__(_private(self._draft, "wb"))

    def keep(self) -> None:
        self.stream.flush()
        os.fsync(self.stream.fileno())

    def close(self, *, whole: bool) -> None:
        if whole:
            self.keep()
        self.stream.close()
        if whole:
            self._draft.replace(self._path)
        else:
            self._draft.unlink(missing_ok=True)


class GrowingFile(Output):
    """Added to page by page; a page that was not kept is taken back."""

    def __init__(self, path: Path) -> None:
        super().__init__(_private(path, "ab"))
        self._kept_bytes = self.stream.tell()

    def keep(self) -> None:
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self._kept_bytes = self.stream.tell()

    def close(self, *, whole: bool) -> None:
        if whole:
            self.keep()
        self.stream.close()
        os.truncate(self.stream.name, self._kept_bytes)


def _private(path: Path, mode: str) -> BinaryIO:
    """Open a file that its owner alone may read: records name people."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))  # type: ignore[return-value]


def open_output(name: str, *, growing: bool) -> Output:
    """Return the output for `--out`; raises Failure for a file that exists, unless it grows."""
    if name == STANDARD:
        return Standard()
    return GrowingFile(Path(name)) if growing else WholeFile(Path(name))
