"""Errors of the platform's own rules, as the command line tells them."""

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.errors import ShuyuanError
from shuyuan_client.cli import explaining
from shuyuan_client.failures import Failure, Unreachable

# By its code: the broker's own errors would bring its driver along, at each start of any command.
BROKER = "broker_unavailable"


@contextmanager
def explained() -> Iterator[None]:
    """Turn expected errors of a command, those of the platform included, into a sentence."""
    with explaining.explained():
        try:
            yield
        except ShuyuanError as error:
            raise _told(error) from error


def _told(error: ShuyuanError) -> Failure:
    """Return the refusal with each field that is wrong, and without the words of HTTP."""
    if error.code == BROKER:
        return Unreachable(
            "Kafka 未应答；请检查 SHUYUAN_KAFKA_BOOTSTRAP，并确认它已启动。",
            "Kafka did not answer; check SHUYUAN_KAFKA_BOOTSTRAP, and that it runs.",
        )
    chinese = [f"{each.path}：{each.sentence(english=False)}" for each in error.errors]
    english = [f"{each.path}: {each.sentence(english=True)}" for each in error.errors]
    return Failure("；".join([error.detail.zh, *chinese]), "; ".join([error.detail.en, *english]))
