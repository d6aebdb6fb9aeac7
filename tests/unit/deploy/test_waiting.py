"""Who waits for another start of the same platform says so (I19): it was silent for minutes."""

from pathlib import Path

import pytest

from deploy.local.files import locked
from deploy.local.wording import LocalError


def test_a_lock_that_another_holds_is_told_once_while_it_is_waited_for(tmp_path: Path) -> None:
    told: list[str] = []

    def wait() -> None:
        told.append("waiting")

    with locked(tmp_path / "up.lock", waiting=wait):
        assert not told
        with (
            pytest.raises(LocalError, match="Another up or down"),
            locked(tmp_path / "up.lock", waiting=wait, patience_seconds=0.2),
        ):
            pass
    assert told == ["waiting"]
