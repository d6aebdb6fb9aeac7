"""What the contract takes, the log takes too: a batch is measured as it will be stored."""

import json

import pytest

from catalog.contracts.compile import compile_plan
from catalog.contracts.model import DataType
from catalog.contracts.stored import STORED_BYTES_MAX, refuse_too_large
from exchange.log.headers import BatchFacts
from exchange.log.packing.packer import PACK
from exchange.log.produce import Slice, build
from exchange.log.topics import MESSAGE_MAX_BYTES
from exchange.log.writer import Producer
from kernel.errors import BatchTooLarge
from tests.unit.catalog.contracts.samples import contract, item

PLAN = compile_plan(contract(item("k", DataType.STRING, key=True, max_length=400)))
LONG_FACTS = BatchFacts(2**31, 10_000, bytes(32), "c" * 64, "r" * 128, bytes(16), "q" * 400)


def lines(count: int) -> bytes:
    """Keys that take three bytes in the log for almost every byte of the body."""
    return b"\n".join(
        json.dumps({"k": "%" * 320 + f"{number:012d}"}).encode() for number in range(count)
    )


def test_a_body_that_is_too_large_in_the_log_is_refused_with_the_true_bound() -> None:
    """3.4 MB of it were valid; the broker took them for too large, after the key was noted."""
    body = lines(10_000)
    with pytest.raises(BatchTooLarge) as refused:
        PLAN.check_ndjson(body)
    assert refused.value.facts["limit"] == STORED_BYTES_MAX
    stored = refused.value.facts["stored_bytes"]
    assert isinstance(stored, int)
    assert stored > STORED_BYTES_MAX > len(body)


def test_deletes_are_measured_too() -> None:
    body = b"[" + lines(10_000).replace(b"\n", b",") + b"]"
    with pytest.raises(BatchTooLarge):
        PLAN.check_keys_json(body)


def test_the_largest_batch_within_the_bound_fits_into_a_message() -> None:
    PACK.unload()  # the pass would compress it
    count = 9_000
    checked = PLAN.check_ndjson(lines(count))
    room = STORED_BYTES_MAX - sum(map(len, checked.keys)) - 32 * count
    spare = room - sum(map(len, checked.lines))
    stored = [*checked.lines]
    stored[-1] += b" " * spare
    checked.lines = stored
    refuse_too_large(checked, STORED_BYTES_MAX)
    part = Slice(checked.keys, checked.lines, LONG_FACTS.headers())
    assert STORED_BYTES_MAX - 32 * count < len(build([part], Producer(2**62, 9), 7))
    assert len(build([part], Producer(2**62, 9), 7)) <= MESSAGE_MAX_BYTES
    stored[-1] += b" "
    with pytest.raises(BatchTooLarge):
        refuse_too_large(checked, STORED_BYTES_MAX)
