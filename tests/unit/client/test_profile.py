"""Credentials come from options, a profile, or the environment."""

from pathlib import Path

import pytest

from shuyuan_client.cli.profile import connect, credentials, read_profile
from shuyuan_client.failures import Failure
from shuyuan_client.grants import KeyGrant, SecretGrant

ENVIRONMENT = {
    "SHUYUAN_BASE_URL": "http://environment",
    "SHUYUAN_CLIENT_ID": "environment",
    "SHUYUAN_CLIENT_SECRET": "secret",
}
OURS = (*ENVIRONMENT, "SHUYUAN_CLIENT_KEY_FILE", "SHUYUAN_CLIENT_KEY_ID")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in OURS:
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


def with_key(folder: Path, mode: int = 0o600) -> Path:
    """Return a profile that names a key by its place beside the profile."""
    key, file = folder / "client.key", folder / "a.env"
    key.write_bytes(b"PEM")
    key.chmod(mode)
    file.write_text(
        "SHUYUAN_CLIENT_ID=profile\nSHUYUAN_CLIENT_KEY_FILE=client.key\n"
        "SHUYUAN_CLIENT_KEY_ID=2027\n"
    )
    return file


def test_a_profile_may_name_a_private_key(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in ENVIRONMENT.items():
        environment.setenv(name, value)
    found = credentials(with_key(tmp_path), None, None, None)
    assert found.grant == KeyGrant("profile", b"PEM", "2027")
    assert found.key_file == tmp_path / "client.key"
    # A secret that an option names is nearer than the key of the profile.
    by_secret = credentials(tmp_path / "a.env", None, None, "option")
    assert by_secret.grant == SecretGrant("profile", "option")


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_private_key_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    with pytest.raises(Failure, match="chmod 600"):
        credentials(with_key(tmp_path, mode), None, None, None)


@pytest.mark.usefixtures("environment")
def test_a_key_and_a_secret_beside_it_are_a_contradiction(tmp_path: Path) -> None:
    file = with_key(tmp_path)
    file.write_text(file.read_text() + "SHUYUAN_CLIENT_SECRET=secret\n")
    with pytest.raises(Failure, match="SHUYUAN_CLIENT_KEY_FILE"):
        credentials(file, None, None, None)


@pytest.mark.usefixtures("environment")
def test_a_key_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    file = with_key(tmp_path)
    (tmp_path / "client.key").unlink()
    with pytest.raises(Failure, match=r"client\.key"):
        credentials(file, None, None, None)


def test_a_profile_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    """A profile written by an old editor in GBK was once a traceback."""
    file = tmp_path / "a.env"
    file.write_bytes("# 提供方\n".encode("gbk"))
    with pytest.raises(Failure, match="UTF-8"):
        read_profile(file)
