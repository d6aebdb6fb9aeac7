"""What a process that serves for long tells the garbage collector, once all of it is loaded."""

import gc
from typing import Final

YOUNG_OBJECTS: Final = 10_000


def settle() -> None:
    """Spare the collector what lives as long as the process, and most of its young rounds.

    The hot paths leave hardly a cycle behind: reference counts free what a request made. A look at
    all that was imported would hold the event loop for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)
    gc.enable()
