"""Turns functions of arrays into machine code; importing this costs half a second and 65 MB.

Every index is checked. What is compiled is kept in the user's cache, by the sources it comes from:
numba itself would look at the file of one function only.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba

from kernel.caches import cache_dir

Function = TypeVar("Function", bound=Callable[..., object])

READ_ONLY: Final = numba.types.Array(numba.uint8, 1, "C", readonly=True)
BYTES: Final = numba.uint8[::1]
NUMBERS: Final = numba.int64[::1]
NUMBER: Final = numba.int64

_DIGITS: Final = 20
# Nothing divides by zero. References are not counted, because nothing makes an object: counting
# them takes more time than all the rest.
_options: dict[str, Any] = {
    "boundscheck": True,
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,
}


def part(function: Function) -> Function:
    """Compile a part of a whole: inlined, because a call hands over seven words for each array."""
    return cast("Function", numba.njit(forceinline=True, **_options)(function))


def checked_part(function: Function) -> Function:
    """Compile a part that checks its range of places by itself, before its loop."""
    options = {**_options, "boundscheck": False}
    return cast("Function", numba.njit(forceinline=True, **options)(function))


def whole(*kinds: object, sources: Iterable[Path]) -> Callable[[Function], Function]:
    """Compile for arguments of these kinds, or load what was compiled of the same sources."""
    setattr(numba.config, "CACHE_DIR", str(_kept_in(sources)))  # noqa: B010 - set at run time only

    def compile_it(function: Function) -> Function:
        return cast("Function", numba.njit(NUMBER(*kinds), cache=True, **_options)(function))

    return compile_it


def _kept_in(folders: Iterable[Path]) -> Path:
    digest = hashlib.sha256(numba.__version__.encode())
    for folder in (Path(__file__).parent, *folders):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return cache_dir() / "machine" / digest.hexdigest()[:_DIGITS]
