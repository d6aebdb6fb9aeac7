"""How a contract lies in memory for the compiled pass: one array of numbers.

First the count of items and the most bytes of a key, then a row for each item, then names,
automata and code lists, to which rows point. A pass keeps what it must remember in a second array
of its own.
"""

from typing import Final

# Kinds of items.
TEXT: Final = 0
INTEGER: Final = 1
DECIMAL: Final = 2
BOOLEAN: Final = 3
DATE: Final = 4
MOMENT: Final = 5

# Columns of an item's row. Characters and digits are counts, all bounds are inclusive; a bound of a
# decimal counts units of its last decimal place, that of a resident number is the last birth date
# that needs no calendar. Pointers of 0 are none.
COUNT: Final = 0
KEY_BYTES: Final = 1
ROWS: Final = 2
KIND: Final = 0
MANDATORY: Final = 1
KEY: Final = 2
NAME: Final = 3
NAME_END: Final = 4
LEAST: Final = 5
MOST: Final = 6
AUTOMATON: Final = 7
SHAPE: Final = 8
WORDS: Final = 9
CHECK: Final = 10
LOW: Final = 11
HIGH: Final = 12
WHOLE: Final = 13
FRACTION: Final = 14
TOGETHER: Final = 15
UNSIGNED: Final = 16
RANGED: Final = 17
WIDTH: Final = 18

# Check digits.
RESIDENT_ID: Final = 1
USCC: Final = 2

# An automaton: pointers to its dead and its first state and to the cuts between its classes of
# characters, then the class of each ASCII character. A state holds whether it accepts, and behind
# that the pointer to the next state for each class.
DEAD: Final = 0
START: Final = 1
CUTS: Final = 2
CUTS_END: Final = 3
CLASSES: Final = 4

# A code list: the count of its words, the cells that each takes, and the words in their order,
# filled up with zeros: seven bytes in a cell, so that no cell is below zero.
WORD_COUNT: Final = 0
WORD_CELLS: Final = 1
FIRST_WORD: Final = 2
BYTES_IN_CELL: Final = 7

# What a pass remembers: where it is in the body, in the records and in the keys that it wrote, and
# for each item the record that it was last seen in and where its value lay.
PLACE: Final = 0
RECORD: Final = 1
KEYS: Final = 2
ITEMS: Final = 3
SEEN: Final = 0
VALUE: Final = 1
VALUE_END: Final = 2
ITEM_WIDTH: Final = 3

DIGITS_MAX: Final = 18
"""Most digits of a number that the pass reckons with: more do not fit 64 bits."""
