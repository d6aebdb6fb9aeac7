"""A release of aiokafka whose insides are not known is refused at start, not met at work."""

import aiokafka
import pytest
from aiokafka.client import AIOKafkaClient

from exchange.log import aiokafka_internals


def test_the_release_in_use_has_everything_that_is_relied_on() -> None:
    aiokafka_internals.check()


def test_another_release_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiokafka, "__version__", "0.15.0")
    with pytest.raises(ImportError, match=r"0\.15\.0"):
        aiokafka_internals.check()


def test_a_private_name_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(AIOKafkaClient, "_metadata_update")
    with pytest.raises(ImportError, match="_metadata_update"):
        aiokafka_internals.check()
