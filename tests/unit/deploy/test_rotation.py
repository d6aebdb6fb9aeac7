"""Logs stay within a bound while they are written (I19): they were looked at only at a start."""

import shutil
from pathlib import Path

import pytest

from deploy.local import rotation


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "LOG_LIMIT_BYTES", 10)


def test_a_process_that_writes_on_writes_into_the_emptied_log(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with log.open("ab", buffering=0) as stream:
        stream.write(b"the first lines\n")
        rotation.rotate_all(tmp_path)
        stream.write(b"the next\n")
        rotation.rotate_all(tmp_path)
    assert log.read_bytes() == b"the next\n"
    assert (tmp_path / "gateway.previous.log").read_bytes() == b"the first lines\n"


def test_the_last_part_of_a_log_is_left_alone(tmp_path: Path) -> None:
    last = tmp_path / "gateway.previous.log"
    last.write_bytes(b"longer than the limit")
    rotation.rotate_all(tmp_path)
    assert last.read_bytes() == b"longer than the limit"


def test_a_full_disk_is_not_filled_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "kafka.log"
    log.write_bytes(b"longer than the limit")

    def full(_source: Path, target: Path) -> None:
        target.touch()
        raise OSError

    monkeypatch.setattr(shutil, "copyfile", full)
    rotation.rotate_all(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kafka.log"]
    assert log.stat().st_size == 0
