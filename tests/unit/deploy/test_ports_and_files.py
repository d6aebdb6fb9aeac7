"""Ports that strangers take, and files that a kill could tear (I19)."""

import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from deploy.local.files import read_json, write_json
from deploy.local.report import Report
from deploy.local.up import Platform, place
from deploy.local.wording import StartFailed


class Starting(Platform):
    """A platform whose programs fail to start so many times."""

    def __init__(self, root: Path, failures: int, *, lost_a_port: bool) -> None:
        super().__init__(place({"SHUYUAN_LOCAL_DIR": str(root)}), Report())
        self.done: list[str] = []
        self._failures, self._lost = failures, lost_a_port

    def _settle(self, _master_key: Path) -> dict[str, str]:
        self.done.append("settle")
        return {}

    def _migrate(self, _environment: Mapping[str, str]) -> None:
        self.done.append("migrate")

    def _seed(self, _environment: Mapping[str, str]) -> None:
        self.done.append("seed")

    def _start_programs(self, _environment: Mapping[str, str]) -> None:
        if self._failures:
            self._failures -= 1
            raise StartFailed("端口被占用", "the port is taken")
        self.done.append("started")

    def _has_lost_a_port(self) -> bool:
        return self._lost


def test_a_port_that_was_taken_meanwhile_is_chosen_again(tmp_path: Path) -> None:
    """8000 was chosen early and bound late: `make up` ended with a port of somebody else's."""
    platform = Starting(tmp_path, 2, lost_a_port=True)
    platform._start_platform(tmp_path / "master.key")
    assert platform.done == [*["settle", "migrate", "seed"] * 3, "started"]


@pytest.mark.parametrize(("failures", "lost_a_port", "tries"), [(3, True, 3), (1, False, 1)])
def test_other_failures_are_told_at_once_and_no_port_is_chosen_for_ever(
    tmp_path: Path, failures: int, lost_a_port: bool, tries: int
) -> None:
    platform = Starting(tmp_path, failures, lost_a_port=lost_a_port)
    with pytest.raises(StartFailed):
        platform._start_platform(tmp_path / "master.key")
    assert platform.done.count("settle") == tries


def test_a_port_of_a_stranger_is_a_lost_one(tmp_path: Path) -> None:
    platform = Platform(place({"SHUYUAN_LOCAL_DIR": str(tmp_path)}), Report())
    assert not platform._has_lost_a_port()
    chosen = platform._ports.choose("gateway", 0)
    assert not platform._has_lost_a_port()
    with closing(socket.create_server(("127.0.0.1", chosen))):
        assert platform._has_lost_a_port()


def test_a_write_that_is_cut_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "environment.json"
    write_json(path, {"SHUYUAN_PORT": "8000"})

    def cut(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", cut)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"SHUYUAN_PORT": "8001"})
    assert read_json(path) == {"SHUYUAN_PORT": "8000"}
    assert [each.name for each in path.parent.iterdir()] == ["environment.json"]
