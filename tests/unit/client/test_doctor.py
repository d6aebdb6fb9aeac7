"""`shuyuan doctor`: each thing it looks at, right and wrong."""

from email.utils import formatdate
from pathlib import Path

import pytest

from shuyuan_client.cli.doctor import clock, profile_rights, reach, transport


@pytest.mark.parametrize(
    ("mode", "remedy"), [(0o600, None), (0o640, "chmod 600"), (0o604, "chmod 600")]
)
def test_a_profile_is_for_its_owner_alone(tmp_path: Path, mode: int, remedy: str | None) -> None:
    profile = tmp_path / "provider.env"
    profile.touch()
    profile.chmod(mode)
    found = profile_rights(profile)
    assert found.remedy is None if remedy is None else remedy in str(found.remedy)


def test_a_profile_that_is_not_there_is_said_to_be_away(tmp_path: Path) -> None:
    assert profile_rights(tmp_path / "none").remedy


@pytest.mark.parametrize(
    ("address", "is_right"),
    [("https://share.example", True), ("http://127.0.0.1:8000", True), ("http://localhost", True),
     ("http://share.example", False), ("share.example", False)],
)  # fmt: skip
def test_records_travel_encrypted(address: str, *, is_right: bool) -> None:
    assert (transport(address).remedy is None) is is_right


@pytest.mark.parametrize(
    ("seconds", "is_right"), [(0, True), (29, True), (-29, True), (31, False), (-3_600, False)]
)
def test_a_clock_may_differ_a_little(seconds: int, *, is_right: bool) -> None:
    now = 1_800_000_000
    assert (clock(formatdate(now, usegmt=True), now + seconds).remedy is None) is is_right


@pytest.mark.parametrize("told", ["", "yesterday"])
def test_what_tells_no_time_is_perhaps_another_service(told: str) -> None:
    assert clock(told, 0).remedy


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "ftp://share.example", "share.example"])
def test_an_address_that_does_not_answer_is_a_sentence(address: str) -> None:
    answer, found = reach(address)
    assert answer is None
    assert (bool(found.remedy), found.exit_code) == (True, 3)
