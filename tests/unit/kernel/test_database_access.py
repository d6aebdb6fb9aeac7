"""The address of PostgreSQL is read in one way, and what it may not hold is told (I3)."""

from pathlib import Path
from typing import Any

import pytest

from kernel.database_access import DatabaseAccess, access
from kernel.settings import Settings


def read(url: str = "postgresql://u:p@db:1/x", **options: object) -> DatabaseAccess:
    return DatabaseAccess.of(Settings.model_validate({"database_url": url, **options}))


@pytest.mark.parametrize("option", ["sslmode=require", "ssl=true", "sslrootcert=/x"])
def test_tls_in_the_url_is_refused_with_the_setting_that_decides(option: str) -> None:
    with pytest.raises(ValueError, match="SHUYUAN_DATABASE_TLS") as refused:
        read(f"postgresql://u:secret@db/x?{option}")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["mysql://db/x", "db", "postgresql://db/x?timeout=3"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="SHUYUAN_DATABASE_URL"):
        read(url)


def test_a_folder_of_sockets_is_taken() -> None:
    assert read("postgresql:///x?host=/run/postgresql").url.endswith("/run/postgresql")


def test_another_database_of_the_server_is_reached_alike() -> None:
    assert access("postgresql://u:p@db:1/x").named("y").url == "postgresql://u:p@db:1/y"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"database_tls_ca_file": "/nowhere"}, "SHUYUAN_DATABASE_TLS is disable"),
        (
            {"database_tls": "verify-full", "database_tls_ca_file": "/nowhere"},
            "SHUYUAN_DATABASE_TLS_CA_FILE: /nowhere cannot be read",
        ),
        (
            {"database_tls": "require", "database_tls_key_file": "/nowhere"},
            "SHUYUAN_DATABASE_TLS_KEY_FILE is set without SHUYUAN_DATABASE_TLS_CERT_FILE",
        ),
    ],
)
def test_files_that_cannot_be_used_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        read(**options)


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    with pytest.raises(ValueError, match="holds no certificate"):
        read(database_tls="verify-ca", database_tls_ca_file=empty)
