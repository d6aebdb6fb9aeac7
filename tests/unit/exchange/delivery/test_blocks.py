"""Lines that are kept as text are the lines that they would be one by one."""

from hypothesis import given
from hypothesis import strategies as st

from exchange.delivery.blocks import Block, Lines, block

LINE = st.binary(min_size=1, max_size=30).map(lambda raw: raw.replace(b"\n", b" "))


@given(st.lists(LINE | st.none(), min_size=1, max_size=20), st.data())
def test_a_part_of_a_block_is_the_block_of_that_part(
    lines: list[bytes | None], data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(begin + 1, len(lines)))
    part, alone = block(lines).part(begin, end), block(lines[begin:end])
    assert part.lines == alone.lines == lines[begin:end]
    assert (part.text, part.count, part.shown) == (alone.text, alone.count, alone.shown)
    assert part.sizes == [len(line or b"") for line in lines[begin:end]]
    assert part.size_bytes == sum(part.sizes)


@given(st.lists(LINE, min_size=1, max_size=20))
def test_a_text_without_places_is_found_to_be_these_lines(lines: list[bytes]) -> None:
    text = b"".join(line + b"\n" for line in lines)
    found = Block(text, len(lines), len(lines))
    assert found.lines == lines
    assert found.part(0, 1).lines == lines[:1]


@given(st.lists(st.lists(LINE | st.none(), min_size=1, max_size=8), max_size=5))
def test_a_page_has_the_lines_of_its_blocks_in_order(blocks: list[list[bytes | None]]) -> None:
    page = Lines()
    for lines in blocks:
        page.add(block(lines))
    shown = [line for lines in blocks for line in lines if line is not None]
    assert page == shown
    assert (len(page), bool(page), page[:2]) == (len(shown), bool(shown), shown[:2])
    assert page.text == b"".join(line + b"\n" for line in shown)
