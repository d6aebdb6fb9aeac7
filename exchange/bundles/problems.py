"""What is wrong with one line of a bundle, told with its place; pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from kernel.errors import FieldError, ShuyuanError


def at_line(line: int, error: ShuyuanError) -> Iterator[FieldError]:
    """Return the reasons of a refusal under `lines[i]`."""
    place = f"lines[{line}]"
    if not error.errors:
        yield FieldError(place, error.code, error.detail.zh, error.detail.en)
    for each in error.errors:
        yield FieldError(f"{place}.{each.path}", each.code, each.zh, each.en, allowed=each.allowed)


def told(error: ShuyuanError) -> dict[str, Any]:
    """Return a refusal as it is kept beside a line."""
    return {
        "code": error.code,
        "detail": f"{error.detail.zh} / {error.detail.en}",
        "errors": [_field(each) for each in error.errors],
    }


def _field(error: FieldError) -> Mapping[str, Any]:
    return {"path": error.path, "code": error.code, "detail": f"{error.zh} / {error.en}"}
