"""Flame graphs and tables are drawn from folded stacks."""

from xml.etree import ElementTree as ET

from loadtests import flame

FOLDED = """\
run (uv.so);publish (gateway/hot/paths.py);check (exchange/publishing/check.py) 60
run (uv.so);publish (gateway/hot/paths.py);deflate (libz.so.1) 30
run (uv.so);run (uv.so);<lambda> (fastapi/routing.py) 10
"""
IDLE = "thread (libc.so.6);PyThread_acquire_lock_timed (libpython.so);0x1 (libc.so.6) 500\n"
NAME = "{http://www.w3.org/2000/svg}"


def test_frames_are_counted_alone_and_with_what_they_call() -> None:
    told = flame.table("publish-500", FOLDED)
    assert "### publish-500, 100 samples" in told
    assert "| `check (exchange/publishing/check.py)` | 60.0% | 60.0% |" in told
    assert "| `publish (gateway/hot/paths.py)` | 90.0% |" in told


def test_a_frame_that_stands_twice_in_a_stack_is_passed_once() -> None:
    assert "| `b (x.py)` | 100.0% | 100.0% |" in flame.table("t", "b (x.py);b (x.py) 7\n")


def test_threads_that_wait_are_left_out() -> None:
    assert flame.busy(IDLE + FOLDED) == FOLDED


def test_the_graph_shows_each_frame_as_wide_as_its_share() -> None:
    root = ET.fromstring(flame.svg("publish-500", FOLDED))  # noqa: S314 - our own
    shown = {
        group.findtext(f"{NAME}title"): float(group.find(f"{NAME}rect").attrib["width"])  # type: ignore[union-attr]
        for group in root.iter(f"{NAME}g")
    }
    assert shown["publish (gateway/hot/paths.py) 90.0%"] == 0.9 * flame.WIDTH
    assert shown["deflate (libz.so.1) 30.0%"] == 0.3 * flame.WIDTH
    # Names may hold what XML must not.
    assert shown["<lambda> (fastapi/routing.py) 10.0%"] == 0.1 * flame.WIDTH


def test_frames_are_coloured_by_whose_they_are() -> None:
    drawn = flame.svg("publish-500", FOLDED)
    assert all(colour in drawn for colour in flame.COLOURS.values())


def test_a_profile_without_samples_is_no_error() -> None:
    assert "### publish-1, 0 samples" in flame.table("publish-1", "")
    assert "0 samples" in flame.svg("publish-1", "")
