"""Ranges of bytes, as they are asked for."""

import pytest

from gateway.ranges import RangeNotSatisfiable, Span, ranges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", [Span(0, 10)]),
        ("bytes=90-", [Span(90, 100)]),
        ("bytes=90-4000", [Span(90, 100)]),
        ("bytes=-10", [Span(90, 100)]),
        ("bytes=-1000", [Span(0, 100)]),
        ("bytes=0-0, 5-5,99-", [Span(0, 1), Span(5, 6), Span(99, 100)]),
        ("bytes=0-0,200-", [Span(0, 1)]),
        ("Bytes = 1-1", [Span(1, 2)]),
    ],
)
def test_stretches_of_the_file(header: str, expected: list[Span]) -> None:
    assert ranges(header, 100) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "lines=0-1",
        "bytes=",
        "bytes=a-b",
        "bytes=-",
        "bytes=9-1",
        "bytes=1-2,x",
        "bytes=①-",
    ],
)
def test_what_is_no_range_is_not_heard(header: str | None) -> None:
    assert ranges(header, 100) is None


@pytest.mark.parametrize(
    "header",
    [
        "bytes=100-",
        "bytes=-0",
        "bytes=200-300,400-",
        "bytes=" + ",".join(f"{each}-{each}" for each in range(11)),
        "bytes=" + ",".join(f"{each}-{each}" for each in range(10_000)),
        "bytes=0-99,0-99",
    ],
)
def test_what_lies_outside_is_too_much_or_asked_for_twice_is_refused(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        ranges(header, 100)


def test_nothing_lies_within_an_empty_file() -> None:
    with pytest.raises(RangeNotSatisfiable):
        ranges("bytes=0-0", 0)
