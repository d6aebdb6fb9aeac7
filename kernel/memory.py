"""What a process that serves for long tells the garbage collector and the C library."""

import ctypes
import gc
from typing import Final

YOUNG_OBJECTS: Final = 10_000
# glibc's mallopt(3), by its numbers in malloc.h; the first is the most that it takes.
_MMAP_THRESHOLD: Final = (-3, 32 * 1024 * 1024)
_TRIM_THRESHOLD: Final = (-1, 64 * 1024 * 1024)


def settle() -> None:
    """Spare the collector what lives as long as the process, and most of its young rounds.

    The hot paths leave hardly a cycle behind: reference counts free what a request made. A look at
    all that was imported would hold the event loop for a tenth of a second.
    """
    _keep_freed()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)
    gc.enable()


def _keep_freed() -> None:
    """Let the C library keep some of what was freed, where it is glibc.

    It gives blocks of a megabyte back to the kernel, which hands them out anew page by page, each
    filled with zeros: of an answer of 10,000 records that took a third of the processor time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            mallopt(option, value)
