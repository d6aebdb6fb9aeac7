"""Tables are made of folded stacks."""

from loadtests import profiling

FOLDED = """\
run (uv.so);publish (gateway/hot/paths.py);check (exchange/publishing/check.py) 60
run (uv.so);publish (gateway/hot/paths.py);deflate (libz.so.1) 30
run (uv.so);run (uv.so);<lambda> (fastapi/routing.py) 10
"""
IDLE = "thread (libc.so.6);PyThread_acquire_lock_timed (libpython.so);0x1 (libc.so.6) 500\n"


def test_frames_are_counted_alone_and_with_what_they_call() -> None:
    told = profiling.table("publish-500", FOLDED)
    assert "### publish-500, 100 samples" in told
    assert "| `check (exchange/publishing/check.py)` | 60.0% | 60.0% |" in told
    assert "| `publish (gateway/hot/paths.py)` | 90.0% |" in told


def test_a_frame_that_stands_twice_in_a_stack_is_passed_once() -> None:
    assert "| `b (x.py)` | 100.0% | 100.0% |" in profiling.table("t", "b (x.py);b (x.py) 7\n")


def test_threads_that_wait_are_left_out() -> None:
    assert profiling.counts(IDLE + FOLDED) == profiling.counts(FOLDED)


def test_a_profile_without_samples_is_no_error() -> None:
    assert "### publish-1, 0 samples" in profiling.table("publish-1", "")
