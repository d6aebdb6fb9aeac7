"""A cursor that a worker has issued is read without its key, and means nothing to another grant."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from exchange.delivery import cursors as module
from exchange.delivery.cursor import Epoch, OtherGenerationError, Position
from exchange.delivery.cursors import Cursors
from exchange.delivery.grant_plans import GrantPlan
from kernel.errors import InvalidCursor

EPOCH = Epoch(3, b"topic-id")


class Box:
    def __init__(self) -> None:
        self.derived = 0

    def derive(self, _purpose: str) -> bytes:
        self.derived += 1
        return b"k" * 32


def cursors() -> Cursors:
    return Cursors(cast("Any", Box()), cast("Any", None), cast("Any", None))


def plan(grant_id: str = "mine", partitions: int = 1) -> GrantPlan:
    return cast(
        "GrantPlan", SimpleNamespace(grant=SimpleNamespace(id=grant_id), partitions=partitions)
    )


def test_what_was_issued_is_read_back_as_another_worker_reads_it() -> None:
    one, other = cursors(), cursors()
    text = one.encode("mine", EPOCH, Position((7,)))
    assert one.decode(plan(), EPOCH, text) == other.decode(plan(), EPOCH, text) == Position((7,))


def test_it_is_refused_to_whom_it_was_not_issued() -> None:
    made = cursors()
    text = made.encode("mine", EPOCH, Position((7,)))
    with pytest.raises(InvalidCursor):
        made.decode(plan("theirs"), EPOCH, text)
    with pytest.raises(InvalidCursor):
        made.decode(plan(partitions=2), EPOCH, text)
    with pytest.raises(OtherGenerationError):
        made.decode(plan(), Epoch(4, b"topic-id"), text)


def test_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ISSUED_MAX", 3)
    made = cursors()
    texts = [made.encode("mine", EPOCH, Position((at,))) for at in range(10)]
    assert list(made._issued) == texts[-3:]
    assert made.decode(plan(), EPOCH, texts[0]) == Position((0,))
