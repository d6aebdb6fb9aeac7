"""Produce requests and answers are those of the protocol, byte for byte."""

from io import BytesIO

import pytest
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7
from hypothesis import given
from hypothesis import strategies as st

from exchange.log.wire import ACKS_ALL, Answer, Produce

TIMEOUT_MS = 15_000
VERSIONS = {0: (3, 13)}
topics = st.text(min_size=1, max_size=20)
partitions = st.integers(0, 2**31 - 1)
offsets = st.integers(-1, 2**63 - 1)
batches = st.dictionaries(
    topics, st.lists(st.tuples(partitions, st.binary(max_size=50)), min_size=1, max_size=3)
)
answers = st.lists(
    st.tuples(
        topics,
        st.lists(st.tuples(partitions, st.integers(-1, 200), offsets, offsets, offsets)),
    )
)


@given(batches)
def test_a_request_is_what_the_library_makes_of_it(
    by_topic: dict[str, list[tuple[int, bytes]]],
) -> None:
    theirs = ProduceRequest_v7(None, ACKS_ALL, TIMEOUT_MS, list(by_topic.items()))
    flat = [((topic, place), batch) for topic, each in by_topic.items() for place, batch in each]
    assert Produce(flat, TIMEOUT_MS).prepare(VERSIONS).encode() == theirs.encode()


@given(answers, st.integers(0, 1000))
def test_an_answer_says_what_the_library_reads_in_it(
    told: list[tuple[str, list[tuple[int, ...]]]], throttled_ms: int
) -> None:
    sent = ProduceResponse_v7(told, throttled_ms).encode()
    theirs, ours = ProduceResponse_v7.decode(sent), Answer.decode(BytesIO(sent))
    assert ours.topics == told == [(name, list(map(tuple, each))) for name, each in theirs.topics]
    assert Answer.decode(sent).topics == told


@pytest.mark.parametrize("spoken", [(8, 13), (0, 6)])
def test_a_broker_that_speaks_other_versions_is_refused(spoken: tuple[int, int]) -> None:
    with pytest.raises(IncompatibleBrokerVersion):
        Produce([], TIMEOUT_MS).prepare({0: spoken})
