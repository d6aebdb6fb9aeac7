"""What the pass that reads record batches tells in numbers, by cells of one array."""

from typing import Final

HEADED: Final = 0
"""How many of the records carry headers."""
HEADED_MAX: Final = 64
HEADS: Final = 1
"""From here on two cells for each of those: its place, and where its headers begin."""
ROWS: Final = HEADS + 2 * HEADED_MAX
"""From here on a row for each record."""

DELTA: Final = 0
"""Its offset after the first of the batch."""
KEY_END: Final = 1
VALUE_END: Final = 2
"""Where its key and its value end among those that were written, line break included."""
WIDTH: Final = 3
