"""A pulled file is whole, or not there; a growing one holds whole pages."""

from contextlib import suppress
from pathlib import Path

import pytest

from shuyuan_client.cli.outputs import open_output
from shuyuan_client.failures import Failure


class Broken(Exception):
    """The pull fails in the middle."""


def test_a_whole_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    file = tmp_path / "out"
    with open_output(str(file), growing=False) as output:
        output.write([b"1", b"2"])
        output.write([])
        assert not file.exists()
    assert file.read_bytes() == b"1\n2\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_interrupted_whole_file_leaves_nothing(tmp_path: Path) -> None:
    with suppress(Broken), open_output(str(tmp_path / "out"), growing=False) as output:
        output.write([b"1"])
        raise Broken
    assert not [*tmp_path.iterdir()]


def test_a_file_that_exists_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.touch()
    with pytest.raises(Failure, match="out"):
        open_output(str(file), growing=False)


def test_a_growing_file_keeps_what_was_kept(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_bytes(b"0\n")
    with suppress(Broken), open_output(str(file), growing=True) as output:
        output.write([b"1"])
        output.keep()
        output.write([b"2"])
        raise Broken
    assert file.read_bytes() == b"0\n1\n"


@pytest.mark.parametrize("growing", [True, False])
def test_what_is_pulled_is_for_its_owner_alone(tmp_path: Path, *, growing: bool) -> None:
    """Files with resident ids were once readable by everybody on the machine (H6)."""
    file = tmp_path / "out"
    with open_output(str(file), growing=growing) as output:
        output.write([b"1"])
    assert file.stat().st_mode & 0o077 == 0
