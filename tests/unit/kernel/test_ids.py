import os
import time
from uuid import RFC_4122, UUID

from kernel.ids import new_id


def test_an_id_is_a_uuid_of_version_7_and_begins_with_its_time() -> None:
    before = time.time_ns() // 1_000_000
    made = [new_id() for _time in range(1000)]
    after = time.time_ns() // 1_000_000
    assert len(set(made)) == len(made)
    for each in made:
        known = UUID(each)
        assert (known.hex, known.version, known.variant) == (each, 7, RFC_4122)
        assert before <= known.int >> 80 <= after


def test_every_bit_that_may_be_random_is() -> None:
    once, always = 0, (1 << 80) - 1
    for _time in range(200):
        low = int(new_id(), 16) & ((1 << 80) - 1)
        once |= low
        always &= low
    assert once ^ always == 0x0FFF_3FFF_FFFF_FFFF_FFFF


def test_a_forked_process_makes_ids_of_its_own() -> None:
    """Random bytes are fetched for many ids at once: two processes must not share them."""
    new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, "".join(new_id() for _time in range(50)).encode())
        os._exit(0)
    own = {new_id()[16:] for _time in range(50)}
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    theirs = {text[at + 16 : at + 32] for at in range(0, len(text), 32)}
    assert len(theirs) == 50
    assert not own & theirs
