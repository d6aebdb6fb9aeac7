"""A start that cannot go well says which setting is wrong, and ends (I17, I19)."""

import socket

import pytest
from pydantic import ValidationError

from kernel import settings, starting
from kernel.settings import Settings


def test_a_slash_at_the_end_of_the_address_doubles_in_no_other() -> None:
    """`https://x/` announced `https://x//oauth/token`."""
    assert Settings(base_url="https://x.example/").base_url == "https://x.example"


@pytest.mark.parametrize(
    "url", ["x.example", "ftp://x", "https://", "https://x/?a=1", "http://a@b"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(base_url=url)


def test_outside_development_the_address_is_https() -> None:
    with pytest.raises(ValueError, match="https"):
        starting.is_public(Settings(base_url="http://x.example"))
    starting.is_public(Settings(base_url="https://x.example"))
    starting.is_public(Settings(base_url="http://x.example", environment="development"))


def test_a_port_of_somebody_else_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ValueError, match=f"SHUYUAN_PORT: 127.0.0.1:{port}"):
            starting.port_is_free("127.0.0.1", port, "SHUYUAN_PORT")


def test_every_fault_is_told_and_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHUYUAN_DATABASE_POOL", "hidden")
    monkeypatch.setenv("SHUYUAN_RETENTION_HOURS", "5")
    settings.load.cache_clear()
    try:
        with pytest.raises(SystemExit) as ended:
            starting.settings_for()
    finally:
        settings.load.cache_clear()
    told = capsys.readouterr().err
    assert ended.value.code == starting.UNFIT
    assert "SHUYUAN_DATABASE_POOL: " in told
    assert "SHUYUAN_RETENTION_HOURS" in told
    assert "hidden" not in told


@pytest.mark.parametrize("key", ["short", "not base64!" * 5, ""])
def test_a_master_key_that_is_none_is_told(key: str) -> None:
    with pytest.raises(ValueError, match="SHUYUAN_MASTER_KEY"):
        Settings(master_key=key).master_key_bytes()
