"""Errors of the platform's own rules, as the command line tells them."""

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.errors import ShuyuanError
from shuyuan_client.cli import explaining
from shuyuan_client.failures import Failure


@contextmanager
def explained() -> Iterator[None]:
    """Turn expected errors of a command, those of the platform included, into a sentence."""
    with explaining.explained():
        try:
            yield
        except ShuyuanError as error:
            raise Failure(error.detail.zh, error.detail.en) from error
