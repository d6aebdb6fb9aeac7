"""How a projection lies in memory for the compiled pass: one array of numbers.

First the count of items that a record may have and of those that are shown, then a row for each
item that it may have, in the order that most records have; then the rows that are shown, in the
order of a line; then names, to which rows point.
"""

from typing import Final

COUNT: Final = 0
SHOWN: Final = 1
ROWS: Final = 2

# Columns of an item's row: pointers to its name, its mask, how many characters a partial mask keeps
# at each end, and how many a value has at least that is not hidden whole.
NAME: Final = 0
NAME_END: Final = 1
MASK: Final = 2
KEEP_START: Final = 3
KEEP_END: Final = 4
SHOWN_FROM: Final = 5
WIDTH: Final = 6

# Masks.
CLEAR: Final = 0
FULL: Final = 1
PARTIAL: Final = 2
NULL: Final = 3

# What a pass remembers of each item: the record that it was last seen in, where its value lay.
SEEN: Final = 0
VALUE: Final = 1
VALUE_END: Final = 2
MEMORY_WIDTH: Final = 3

LINE_BYTES: Final = 48
"""More than a line takes beside its key and its items."""
ITEM_BYTES: Final = 16
"""More than an item takes beside its name and its value."""
