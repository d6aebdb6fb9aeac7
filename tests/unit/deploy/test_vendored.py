"""The console's files from elsewhere are those of the lock file, byte for byte."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from deploy.vendored import locked, taken
from gateway.console.static import FOLDER

ROOT = Path(__file__).parents[3]


def test_files_are_as_they_were_locked() -> None:
    for package in locked().values():
        for file in package["files"].values():
            content = (FOLDER / file["name"]).read_bytes()
            assert hashlib.sha512(content).hexdigest() == file["sha512"], file["name"]


def test_every_package_names_version_and_licence_and_its_text_is_kept() -> None:
    """In a part of its own: the text of another one was enough."""
    origin = (ROOT / "gateway/console/ORIGIN.md").read_text(encoding="utf-8")
    parts = {part.partition("\n")[0]: part for part in origin.split("\n## ")}
    for name, package in locked().items():
        said = parts[", ".join(f"static/{file['name']}" for file in package["files"].values())]
        assert package["version"] in said, name
        assert package["licence"] in said, name
        assert "Copyright (c)" in said, name


def test_another_package_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "uplot.tgz"
    with tarfile.open(package, "w:gz") as archive:
        info = tarfile.TarInfo("package/dist/uPlot.min.css")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(SystemExit, match="not the package"):
        taken(package, locked()["uplot"])
