"""Credentials come from options, a profile, or the environment."""

from pathlib import Path

import pytest

from shuyuan_client.cli.profile import connect, read_profile
from shuyuan_client.failures import Failure

ENVIRONMENT = {
    "SHUYUAN_BASE_URL": "http://environment",
    "SHUYUAN_CLIENT_ID": "environment",
    "SHUYUAN_CLIENT_SECRET": "secret",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_profile_is_read_as_a_shell_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "a.env"
    file.write_text("# note\n\nexport A='1 2'\nB=\"x=y\"\nC = 3\nnonsense\n")
    assert read_profile(file) == {"A": "1 2", "B": "x=y", "C": "3"}


def test_a_missing_profile_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"absent\.env"):
        read_profile(tmp_path / "absent.env")


@pytest.mark.usefixtures("environment")
def test_without_credentials_their_names_are_told() -> None:
    with pytest.raises(Failure, match="SHUYUAN_CLIENT_ID / SHUYUAN_CLIENT_SECRET"):
        connect(None, None, None, None)


def test_an_option_wins_over_the_profile_and_that_over_the_environment(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in ENVIRONMENT.items():
        environment.setenv(name, value)
    file = tmp_path / "a.env"
    file.write_text("SHUYUAN_BASE_URL=http://profile\n")
    for profile, option, expected in (
        (None, None, "http://environment"),
        (file, None, "http://profile"),
        (file, "http://option", "http://option"),
    ):
        with connect(profile, option, None, None) as client:
            assert client.base_url == expected
