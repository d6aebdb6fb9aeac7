"""Where a cache is kept when the user has no home, as in many containers (I20)."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel import caches


@pytest.fixture(autouse=True)
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user whose home cannot be made, with temporary files of the test."""
    (tmp_path / "file").touch()
    for name in ("SHUYUAN_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    caches._temporary.cache_clear()
    yield
    caches._temporary.cache_clear()


def test_without_a_home_the_cache_is_a_private_temporary_one_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing was kept, and nothing said: each start compiled for 20 s."""
    with caplog.at_level(logging.WARNING):
        [folder] = {caches.cache_dir(), caches.cache_dir()}
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    [warning] = caplog.messages
    assert "SHUYUAN_CACHE_DIR" in warning


def test_a_temporary_cache_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    """Machine code is loaded from it."""
    caches.cache_dir().chmod(0o777)
    caches._temporary.cache_clear()
    with pytest.raises(PermissionError, match="SHUYUAN_CACHE_DIR"):
        caches.cache_dir()


def test_a_home_is_used_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert caches.cache_dir() == tmp_path / "home" / ".cache" / "shuyuan"


def test_a_named_folder_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUYUAN_CACHE_DIR", str(tmp_path / "named"))
    assert caches.cache_dir() == tmp_path / "named"
