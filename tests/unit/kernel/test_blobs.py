"""Files are encrypted, whole or not at all, and bounded."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.blobs import FRAME, Blobs, FileLost, NoPlaceForFiles, Stored
from kernel.errors import TooLarge
from kernel.scanning import Infected
from kernel.secretbox import Secretbox
from kernel.tables import BlobRow


async def parts(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def read(blobs: Blobs, stored: Stored) -> bytes:
    return b"".join([frame async for frame in blobs._frames(stored.id, stored.key)])


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def file_of(folder: Path, stored: Stored) -> Path:
    return folder / stored.id[-2:] / stored.id


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME])
async def test_what_was_written_is_read(tmp_path: Path, size: int) -> None:
    blobs, content = Blobs(tmp_path), bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    stored = await blobs.write(parts(content), most_bytes=size)
    assert (stored.bytes, await read(blobs, stored)) == (size, content)


@pytest.mark.parametrize("start", [0, 1, FRAME - 1, FRAME, 2 * FRAME + 3])
@pytest.mark.parametrize("end", [1, FRAME, FRAME + 1, 2 * FRAME + 10])
async def test_a_stretch_is_read_without_what_lies_before_it(
    tmp_path: Path, start: int, end: int
) -> None:
    blobs, content = Blobs(tmp_path), secrets.token_bytes(2 * FRAME + 10)
    stored, box = await blobs.write(parts(content), most_bytes=3 * FRAME), Secretbox(b"1" * 32)
    row = BlobRow(id=stored.id, key=box.encrypt(stored.key), bytes=0, sha256="", media="", name="")
    pieces = [piece async for piece in blobs.part(row, box, start, end)]
    assert b"".join(pieces) == content[start:end]
    assert all(len(piece) <= FRAME for piece in pieces)


async def test_nothing_is_in_clear_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    stored = await Blobs(tmp_path).write(parts(b"secret" * 1000), most_bytes=10_000)
    path = file_of(tmp_path, stored)
    assert b"secret" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("change", ["cut", "frame", "bit", "gone"])
async def test_a_file_that_was_changed_is_lost(tmp_path: Path, change: str) -> None:
    blobs = Blobs(tmp_path)
    stored = await blobs.write(parts(b"x" * (2 * FRAME + 10)), most_bytes=3 * FRAME)
    path = file_of(tmp_path, stored)
    whole = path.read_bytes()
    changed = {
        "cut": whole[: 2 * (FRAME + 16)],
        "frame": whole[FRAME + 16 :],
        "bit": bytes([whole[0] ^ 1]) + whole[1:],
    }
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(changed[change])
    with pytest.raises(FileLost):
        await read(blobs, stored)


async def test_too_much_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await Blobs(tmp_path).write(parts(b"x" * 11), most_bytes=10)
    assert files_in(tmp_path) == []


async def test_what_the_scan_refuses_leaves_no_file(tmp_path: Path) -> None:
    async def scan(content: AsyncIterator[bytes]) -> None:
        if b"EICAR" in b"".join([part async for part in content]):
            raise Infected

    blobs = Blobs(tmp_path, scan)  # type: ignore[arg-type]
    await blobs.receive(parts(b"harmless"), most_bytes=100)
    with pytest.raises(Infected):
        await blobs.receive(parts(b"EICAR"), most_bytes=100)
    assert len(files_in(tmp_path)) == 1


async def test_without_a_folder_nothing_is_taken() -> None:
    with pytest.raises(NoPlaceForFiles):
        await Blobs(None).write(parts(b"x"), most_bytes=1)
