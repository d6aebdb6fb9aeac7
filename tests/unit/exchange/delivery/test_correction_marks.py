"""A marked line is the same line with the correction's id; nothing else changes."""

import json

from exchange.delivery.blocks import block
from exchange.delivery.correction_marks import with_marks

LINES = [b'{"op":"upsert","key":"a","data":{"x":1}}', None, b'{"op":"delete","key":"b"}']


def test_marks_stand_on_their_lines_alone() -> None:
    plain = block(list(LINES))
    marked = with_marks(plain, [7, 8, 9], 0, {(0, 7): b"c1", (0, 8): b"c2", (1, 9): b"c3"})
    assert [line and json.loads(line).get("correction") for line in marked.lines] == [
        "c1",
        None,
        None,
    ]
    assert marked.size_bytes == sum(len(line) for line in marked.lines if line is not None)
    assert plain.lines == LINES


def test_what_has_no_mark_is_not_copied() -> None:
    plain = block(list(LINES))
    assert with_marks(plain, [7, 8, 9], 0, {(0, 8): b"c", (0, 10): b"c"}) is plain


def test_a_delete_is_marked_too() -> None:
    marked = with_marks(block(list(LINES)), [7, 8, 9], 0, {(0, 9): b"c"})
    assert json.loads(marked.lines[2] or b"") == {"op": "delete", "key": "b", "correction": "c"}
