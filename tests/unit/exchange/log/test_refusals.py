"""What an error of a produce request says about its batch: the dearest mistake is "not stored"."""

import pytest
from aiokafka.errors import (
    InvalidProducerEpoch,
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaError,
    KafkaStorageError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
    UnknownError,
    for_code,
)

from exchange.log.refusals import Verdict, verdict_on


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (NotEnoughReplicasError, Verdict.NOT_YET),
        (NotEnoughReplicasAfterAppendError, Verdict.MAYBE_STORED),
        (RequestTimedOutError, Verdict.MAYBE_STORED),
        (KafkaConnectionError, Verdict.MAYBE_STORED),
        (KafkaStorageError, Verdict.MAYBE_STORED),
        (NotLeaderForPartitionError, Verdict.MAYBE_STORED),
        (UnknownError, Verdict.MAYBE_STORED),
        (NodeNotReadyError, Verdict.NOT_YET),
        (MessageSizeTooLargeError, Verdict.TOO_LARGE),
        (InvalidTimestampError, Verdict.NEVER),
        (InvalidProducerEpoch, Verdict.WRITER_OVER),
    ],
)
def test_the_table(error: type[KafkaError], verdict: Verdict) -> None:
    assert verdict_on(error()) is verdict


@pytest.mark.parametrize("error", [TimeoutError(), OSError(), ConnectionResetError(), ValueError()])
def test_what_is_no_answer_of_the_broker_may_have_been_stored(error: Exception) -> None:
    assert verdict_on(error) is Verdict.MAYBE_STORED


def test_a_code_that_nobody_knows_here_may_have_been_stored() -> None:
    assert verdict_on(for_code(9_999)()) is Verdict.MAYBE_STORED
