"""The console's files from elsewhere are those of the lock file, byte for byte."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from deploy.vendored import locked, taken
from gateway.console.static import FOLDER


def test_files_are_as_they_were_locked() -> None:
    for package in locked().values():
        for file in package["files"].values():
            content = (FOLDER / file["name"]).read_bytes()
            assert hashlib.sha512(content).hexdigest() == file["sha512"], file["name"]


def test_every_package_names_version_and_licence_and_its_text_is_kept() -> None:
    origin = Path("gateway/console/ORIGIN.md").read_text(encoding="utf-8")
    for name, package in locked().items():
        assert f"{package['version']}" in origin, name
        assert package["licence"] in origin, name


def test_another_package_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "uplot.tgz"
    with tarfile.open(package, "w:gz") as archive:
        info = tarfile.TarInfo("package/dist/uPlot.min.css")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(SystemExit, match="not the package"):
        taken(package, locked()["uplot"])
