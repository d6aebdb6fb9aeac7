"""What the broker's refusals mean to a caller."""

from aiokafka.errors import KafkaError

from kernel.errors import Text, Unavailable


class BrokerUnavailable(Unavailable):
    code = "broker_unavailable"
    title = Text(
        "数据交换总线暂不可用，请稍后以相同的 Idempotency-Key 重试",
        "The exchange bus is not available; retry with the same Idempotency-Key",
    )


class WriterOver(BrokerUnavailable):
    """Nothing was stored: the log takes no more of this writer, which must be replaced."""


class OutcomeUnknown(Unavailable):
    """The append may or may not have happened; the same Idempotency-Key settles it."""

    code = "outcome_unknown"
    title = Text(
        "提交结果未知，请以相同的 Idempotency-Key 重试",
        "The outcome is not known; retry with the same Idempotency-Key to learn it",
    )


class PositionExpiredError(Exception):
    """The log no longer keeps this offset, or never had it; `earliest` is the first it keeps."""

    def __init__(self, partition: int, earliest: int) -> None:
        super().__init__(f"partition {partition} begins at {earliest}")
        self.partition = partition
        self.earliest = earliest


class UnreadableBatchError(KafkaError):  # type: ignore[misc] # aiokafka is untyped
    """A batch that may be the platform's own cannot be decoded: it is never passed over."""

    def __init__(self, base_offset: int, next_offset: int) -> None:
        super().__init__(f"offsets {base_offset} to {next_offset - 1} cannot be decoded")
        self.offsets = range(base_offset, next_offset)
