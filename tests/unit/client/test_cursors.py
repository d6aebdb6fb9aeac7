"""A cursor in a file is there or is not, whole."""

from pathlib import Path

import pytest

from shuyuan_client.cursors import FileCursor
from shuyuan_client.failures import Failure


def test_what_was_written_is_read(tmp_path: Path) -> None:
    cursor = FileCursor(tmp_path / "position")
    assert cursor.read() is None
    cursor.write("one")
    cursor.write("two")
    assert FileCursor(tmp_path / "position").read() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["position"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    cursor = FileCursor(tmp_path / "absent" / "position")
    assert cursor.read() is None
    with pytest.raises(Failure, match="absent"):
        cursor.write("one")
