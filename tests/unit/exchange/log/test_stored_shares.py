"""What is compressed is asked for in less, so that no more comes than is wanted."""

from exchange.log.chunks import Chunk
from exchange.log.stored_shares import LEAST_BYTES, TOPICS_MAX, StoredShares

MIB = 1024 * 1024


def chunk(stored: int, expanded: int) -> Chunk:
    return Chunk(start=0, next_offset=1, end=1, stored_bytes=stored, expanded_bytes=expanded)


def test_a_topic_is_asked_for_by_what_was_read_of_it() -> None:
    shares = StoredShares()
    assert shares.asked("a", MIB) == MIB
    shares.learn("a", chunk(200_000, 1_000_000))
    assert shares.asked("a", MIB) == MIB // 5
    assert shares.asked("b", MIB) == MIB
    shares.learn("a", chunk(1_000_000, 900_000))
    assert shares.asked("a", MIB) == MIB


def test_little_is_asked_for_as_it_is() -> None:
    shares = StoredShares()
    shares.learn("a", chunk(1, 1_000))
    assert shares.asked("a", MIB) == LEAST_BYTES
    assert shares.asked("a", 5_000) == 5_000


def test_what_holds_no_records_tells_nothing_and_many_topics_are_forgotten() -> None:
    shares = StoredShares()
    shares.learn("a", chunk(100, 200))
    shares.learn("a", chunk(70, 0))
    assert shares.asked("a", MIB) == MIB // 2
    for number in range(TOPICS_MAX):
        shares.learn(f"t{number}", chunk(100, 200))
    assert shares.asked("a", MIB) == MIB
