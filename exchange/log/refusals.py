"""What a failed produce request says: whether its batch may be in the log, and what helps; pure.

Anything not listed may have been stored. NOT_LEADER_OR_FOLLOWER is not listed on purpose: a
leader answers so too when it loses its office while the followers still copy the batch.
"""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    InvalidProducerEpoch,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
    PolicyViolationError,
    ProducerFenced,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownProducerId,
    UnknownTopicOrPartitionError,
    UnsupportedForMessageFormatError,
)


class Verdict(Enum):
    """What one attempt to store a batch came to."""

    MAYBE_STORED = auto()
    NOT_YET = auto()
    """Not stored by this attempt; another one may succeed."""
    NEVER = auto()
    """Not stored, and no other attempt will be."""
    TOO_LARGE = auto()
    """Not stored; a smaller batch may be."""
    WRITER_OVER = auto()
    """Not stored; nothing else of this writer will be in this partition."""

    @property
    def maybe_stored(self) -> bool:
        return self is Verdict.MAYBE_STORED

    @property
    def final(self) -> bool:
        return self not in (Verdict.MAYBE_STORED, Verdict.NOT_YET)


VERDICTS: Final[Mapping[type[KafkaError], Verdict]] = MappingProxyType(
    {
        # Refused before the append: too few replicas are in sync. After the append it has
        # another code, which may have been stored.
        NotEnoughReplicasError: Verdict.NOT_YET,
        # Without a connection nothing was sent.
        NodeNotReadyError: Verdict.NOT_YET,
        LeaderNotAvailableError: Verdict.NOT_YET,
        # The broker does not know the topic: what may have been in it is gone with it.
        UnknownTopicOrPartitionError: Verdict.NOT_YET,
        CorruptRecordException: Verdict.NOT_YET,
        InvalidTimestampError: Verdict.NEVER,
        InvalidTopicError: Verdict.NEVER,
        PolicyViolationError: Verdict.NEVER,
        TopicAuthorizationFailedError: Verdict.NEVER,
        ClusterAuthorizationFailedError: Verdict.NEVER,
        UnsupportedForMessageFormatError: Verdict.NEVER,
        MessageSizeTooLargeError: Verdict.TOO_LARGE,
        RecordListTooLargeError: Verdict.TOO_LARGE,
        # Whoever settled this writer's publishes has fenced it, or the leader has lost its count.
        InvalidProducerEpoch: Verdict.WRITER_OVER,
        ProducerFenced: Verdict.WRITER_OVER,
        OutOfOrderSequenceNumber: Verdict.WRITER_OVER,
        UnknownProducerId: Verdict.WRITER_OVER,
    }
)


def verdict_on(error: BaseException) -> Verdict:
    """Return what an error of a produce request says about its batch."""
    # By exact type: aiokafka's classes inherit from each other only by accident.
    return VERDICTS.get(type(error), Verdict.MAYBE_STORED)
