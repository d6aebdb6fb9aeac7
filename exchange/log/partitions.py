"""The name of one partition of the log."""

from typing import TypeAlias

TopicPartition: TypeAlias = tuple[str, int]
"""A topic, and the number of its partition."""
