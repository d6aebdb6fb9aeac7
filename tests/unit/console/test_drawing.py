"""Where the boxes of a graph stand."""

from gateway.console.drawing import BOXES_MAX, graph


def test_boxes_stand_in_columns_in_the_way_of_the_lines() -> None:
    drawn = graph([("a", "x", "甲"), ("b", "x", "乙"), ("c", "x", "丙")], [("a", "b"), ("b", "c")])
    assert drawn is not None
    assert [box.key for box in sorted(drawn.boxes, key=lambda box: box.x)] == ["a", "b", "c"]
    assert all(line.x1 < line.x2 for line in drawn.lines)


def test_a_circle_is_drawn_too() -> None:
    drawn = graph([("a", "x", "甲"), ("b", "x", "乙")], [("a", "b"), ("b", "a")])
    assert drawn is not None
    assert len({(box.x, box.y) for box in drawn.boxes}) == 2


def test_lines_to_what_is_not_shown_are_left_out() -> None:
    drawn = graph([("a", "x", "甲")], [("a", "hidden")])
    assert drawn is not None
    assert drawn.lines == []


def test_long_names_are_cut_and_too_many_boxes_are_not_drawn() -> None:
    drawn = graph([("a", "x", "很长很长很长很长很长很长很长的名称")], [])
    assert drawn is not None
    assert drawn.boxes[0].short.endswith("…")
    assert graph([(str(n), "x", "") for n in range(BOXES_MAX + 1)], []) is None
