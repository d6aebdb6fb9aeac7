"""Requests of the raw generator: what is sent to whom, and from when their latency counts."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from loadtests import pages
from loadtests.generator import (
    Answers,
    Caller,
    Order,
    Pace,
    Paced,
    Publish,
    Publishing,
    Pull,
    Pulling,
)
from loadtests.pages import MOMENT, Book, Page
from loadtests.tally import Tally


def order(work: Publish | Pull, callers: int) -> Order:
    tokens, pace = ["first", "second"], Pace(0.0, 1.0)
    return Order(base_url="http://h:1", tokens=tokens, callers=callers, pace=pace, work=work)


async def test_latency_counts_from_when_a_request_was_due() -> None:
    """What kept a request waiting, this process too, was left out: too low under load."""

    class Busy:
        def __init__(self) -> None:
            self.asked: list[float] = []

        def ask(self, since: float) -> None:
            self.asked.append(since)

        def leave(self) -> None: ...

    turns, caller = Paced(20.0), Busy()
    turns.next(cast("Caller", caller))
    begun = time.perf_counter()
    running = asyncio.create_task(turns.run())
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - the whole process comes late
    await asyncio.sleep(0.02)
    turns.next(cast("Caller", caller))
    turns.stop()
    await running
    assert [each - begun for each in caller.asked] == pytest.approx([0.05, 0.10], abs=0.04)


def test_as_many_callers_as_resources_write_to_one_each() -> None:
    work = Publish(["a", "b"], 1)
    load = Publishing(work, order(work, 2), Tally())
    assert all(b"/resources/b/" in load.ask(1) for _ in range(3))
    alone = Publishing(work, order(work, 1), Tally())
    asked = [alone.ask(0) for _ in range(4)]
    assert [b"/resources/a/" in each for each in asked] == [True, False, True, False]


def test_a_page_is_compared_up_to_the_moment_of_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "query.book"
    answer = b'{"key":"k","data":{},"as_of":"2026-01-05T00:00:00Z"}'
    pages.save(path, [(Page("/q", 1), answer)], MOMENT)
    book = Book(path)
    assert book.holds(0, answer.replace(b"2026", b"2027"))
    assert not book.holds(0, answer.replace(b"{}", b'{"a":1}'))


def test_pages_are_asked_for_with_the_token_of_their_system(tmp_path: Path) -> None:
    path = tmp_path / "b.book"
    taken = [(Page("/one", 1), b"a\n"), (Page("/two", 1, sent='{"k":1}', token=1), b"a\n")]
    assert pages.save(path, taken) == 2
    assert path.read_bytes() == b"a\n\n"  # the same answer lies in it once
    work = Pull(str(path), in_turn=True, first=1)
    tally = Tally()
    load = Pulling(work, order(work, 3), tally)
    second, first = load.ask(2), load.ask(0)
    assert second.startswith(b"POST /two ")
    assert b"Bearer second" in second
    assert second.endswith(b'Content-Length: 7\r\n\r\n{"k":1}')
    assert first.startswith(b"GET /one ")
    assert load.answered(0, 200, [b"a\n"]) == 1
    assert tally.total().checked == 1
    with pytest.raises(ValueError, match="is not the page of the log"):
        load.answered(0, 200, [b"b\n"])


def test_a_page_is_compared_part_by_part(tmp_path: Path) -> None:
    path = tmp_path / "c.book"
    pages.save(path, [(Page("/one", 1), b"abcdef"), (Page("/two", 1), b"gh")])
    book = Book(path)
    assert all(book.consists_of(0, parts) for parts in ([b"abcdef"], [b"", b"abc", b"def"]))
    wrong: tuple[list[bytes], ...] = (
        [b"abcdeX"],
        [b"abc", b"de"],
        [b"abcdef", b"gh"],
        [b"abc", b"Xef"],
        [b"abcdefg"],
        [],
    )
    assert not any(book.consists_of(0, parts) for parts in wrong)


class Heard(Answers):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[bytes, bytes]] = []

    def answered(self, head: bytes, parts: Sequence[bytes]) -> None:
        self.heard.append((head, b"".join(parts)))


@pytest.mark.parametrize("most", [1, 7, 40, 1_000])
def test_answers_are_heard_however_they_come(most: int) -> None:
    bodies = [b"", b"x", b"\r\n\r\n", b"y" * 300]
    for body in bodies:
        heard, sent = Heard(), b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        for begin in range(0, len(sent), most):
            heard.data_received(sent[begin : begin + most])
        heard.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert [said for _head, said in heard.heard] == [body, b""]
        assert [head[9:12] for head, _ in heard.heard] == [b"200", b"204"]
