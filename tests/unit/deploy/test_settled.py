"""A platform stays with the servers that it was set up with, whatever a later shell knows."""

from pathlib import Path

import pytest

from deploy.local.report import Report
from deploy.local.settled import remember_external, settled_external, settled_options
from deploy.local.up import Platform, place
from deploy.local.wording import LocalError

DATABASE = "postgresql://shuyuan:secret@db.example:6432/exchange"
NAMED = {"postgres": DATABASE, "kafka": "broker-1:9092,broker-2:9092"}
UNNAMED = {"postgres": "", "kafka": ""}


def test_a_new_shell_goes_on_with_the_servers_of_the_first(tmp_path: Path) -> None:
    """`make demo` in a new shell moved the gateway to servers of its own."""
    assert settled_external(tmp_path, NAMED) == NAMED
    remember_external(tmp_path, NAMED)
    assert settled_external(tmp_path, UNNAMED) == NAMED
    assert (tmp_path / "external.json").stat().st_mode & 0o077 == 0


def test_other_credentials_for_the_same_server_are_taken(tmp_path: Path) -> None:
    remember_external(tmp_path, NAMED)
    renewed = NAMED | {"postgres": "postgresql://shuyuan:new@db.example:6432/exchange"}
    assert settled_external(tmp_path, renewed) == renewed


@pytest.mark.parametrize(
    "named",
    [
        NAMED | {"postgres": "postgresql://shuyuan:secret@elsewhere:6432/exchange"},
        NAMED | {"postgres": "postgresql://shuyuan:secret@db.example:6432/other"},
        NAMED | {"kafka": "broker-3:9092"},
    ],
)
def test_another_server_is_refused_with_both_names_and_no_password(
    tmp_path: Path, named: dict[str, str]
) -> None:
    remember_external(tmp_path, NAMED)
    with pytest.raises(LocalError, match="SHUYUAN_LOCAL_DIR") as refused:
        settled_external(tmp_path, named)
    assert "secret" not in str(refused.value)


def test_a_platform_of_its_own_servers_does_not_move_to_others(tmp_path: Path) -> None:
    remember_external(tmp_path, UNNAMED)
    with pytest.raises(LocalError, match="its own postgres"):
        place({"SHUYUAN_LOCAL_DIR": str(tmp_path), "SHUYUAN_DATABASE_URL": DATABASE})


def test_a_lost_master_key_is_not_replaced_where_something_was_sealed(tmp_path: Path) -> None:
    """A new key made every client secret, cursor and receipt of the old one unreadable."""
    platform = Platform(place({"SHUYUAN_LOCAL_DIR": str(tmp_path)}), Report())
    key = platform._master_key().read_text(encoding="ascii")
    assert platform._master_key().read_text(encoding="ascii") == key
    platform.credentials.write_text("{}", encoding="utf-8")
    (tmp_path / "master.key").unlink()
    with pytest.raises(LocalError, match="master key"):
        platform.up()
    platform.credentials.unlink()
    remember_external(tmp_path, UNNAMED)  # a start that came further than the key
    with pytest.raises(LocalError, match="master key"):
        platform.up()
    assert not (tmp_path / "master.key").exists()


def test_how_external_servers_are_reached_is_remembered_and_never_told_to_our_own(
    tmp_path: Path,
) -> None:
    """A new shell without SHUYUAN_DATABASE_TLS would have come in the clear."""
    tls = {"SHUYUAN_DATABASE_TLS": "verify-full", "SHUYUAN_KAFKA_SECURITY_PROTOCOL": "SSL"}
    external = {"postgres": NAMED["postgres"], "kafka": ""}
    first = settled_options(tmp_path, external, tls)
    remember_external(tmp_path, external, first)
    assert settled_options(tmp_path, external, {}) == first
    assert first["SHUYUAN_DATABASE_TLS"] == "verify-full"
    assert first["SHUYUAN_KAFKA_SECURITY_PROTOCOL"] == ""
