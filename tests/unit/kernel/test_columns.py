"""Texts that lie one behind another are the list of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kernel.columns import Column

LINES = st.lists(st.binary(max_size=5).filter(lambda line: b"\n" not in line), max_size=8)


def column(lines: list[bytes]) -> Column:
    ends = np.cumsum([0, *(len(line) + 1 for line in lines)])
    return Column(b"".join(line + b"\n" for line in lines), ends)


@given(LINES)
def test_it_is_the_list(lines: list[bytes]) -> None:
    made = column(lines)
    assert made == lines
    assert (len(made), [*made], made[:2]) == (len(lines), lines, lines[:2])
    assert made.sizes.tolist() == [len(line) for line in lines]
    assert made != [*lines, b"more"]


@given(LINES, st.integers(0, 8), st.integers(0, 8))
def test_parts_are_cut_out_with_their_line_breaks(lines: list[bytes], one: int, two: int) -> None:
    begin, end = sorted((min(one, len(lines)), min(two, len(lines))))
    made = column(lines)
    assert made.part(begin, end) == b"".join(line + b"\n" for line in lines[begin:end])
    assert made.since(begin) == lines[begin:]
    assert made.since(begin).ends[0] == 0
