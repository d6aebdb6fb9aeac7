"""Files are encrypted, whole or not at all, and bounded: in a folder and in a bucket alike."""

import asyncio
import logging
import secrets
import shutil
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from kernel import blob_store, clock
from kernel.blob_bucket import Bucket
from kernel.blob_store import FRAME, FileLost, Folder, Store, StoreAway, StoreFull
from kernel.blobs import ORPHAN_HOURS, Blobs, NoPlaceForFiles, Stored, add, find
from kernel.database import Database, is_passing
from kernel.errors import Conflict, TooLarge
from kernel.files import blobs_of
from kernel.scanning import Infected
from kernel.secretbox import Secretbox
from kernel.settings import of
from kernel.tables import BlobRow
from tests.support import s3
from tests.support.certificates import Authority
from tests.support.eventually import eventually
from tests.support.pooler import LosingCommits

BOX = Secretbox(b"1" * 32)


@dataclass(frozen=True)
class Kept:
    """A store, and the folder where its bytes lie in the end."""

    store: Store
    folder: Path

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def ids(self) -> set[str]:
        """Name the files that are kept; an object that is being written is none yet."""
        if isinstance(self.store, Folder):
            return {path.name for path in self.files()}
        return {path.parent.name for path in self.files() if path.name.isdigit()}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.S3]:
    with s3.running(tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    if request.param == "folder":
        return Kept(Folder(tmp_path), tmp_path)
    server: s3.S3 = request.getfixturevalue("bucket")
    shutil.rmtree(server.folder / "blobs", ignore_errors=True)
    return Kept(server.bucket(), server.folder)


async def parts(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def read(blobs: Blobs, stored: Stored) -> bytes:
    return b"".join([frame async for frame in blobs.clear(stored)])


def row_of(stored: Stored) -> BlobRow:
    key = BOX.encrypt(stored.key)
    return BlobRow(id=stored.id, key=key, bytes=stored.bytes, sha256="", media="", name="")


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME, 16 * FRAME + 1])
async def test_what_was_written_is_read(kept: Kept, size: int) -> None:
    blobs, content = Blobs(kept.store), secrets.token_bytes(size)
    stored = await blobs.write(parts(content), most_bytes=size)
    assert (stored.bytes, await read(blobs, stored)) == (size, content)


STARTS = [0, 1, FRAME - 1, FRAME, 15 * FRAME + 3, 18 * FRAME + 3]
ENDS = [1, FRAME, FRAME + 1, 16 * FRAME + 1, 18 * FRAME + 10]


async def test_a_stretch_is_read_without_what_lies_before_it(kept: Kept) -> None:
    blobs, content = Blobs(kept.store), secrets.token_bytes(18 * FRAME + 10)
    row = row_of(await blobs.write(parts(content), most_bytes=19 * FRAME))
    for start, end in product(STARTS, ENDS):
        pieces = [piece async for piece in blobs.part(row, BOX, start, end)]
        assert b"".join(pieces) == content[start:end]
        assert all(len(piece) <= FRAME for piece in pieces)


async def test_nothing_is_in_clear(kept: Kept) -> None:
    await Blobs(kept.store).write(parts(b"secret" * 1000), most_bytes=10_000)
    [path] = kept.files()
    assert b"secret" not in path.read_bytes()


async def test_nobody_else_may_read_the_folder(tmp_path: Path) -> None:
    await Blobs(Folder(tmp_path)).write(parts(b"x"), most_bytes=1)
    [path] = Kept(Folder(tmp_path), tmp_path).files()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("change", ["cut", "frame", "bit", "gone"])
async def test_a_file_that_was_changed_is_lost(kept: Kept, change: str) -> None:
    blobs = Blobs(kept.store)
    stored = await blobs.write(parts(b"x" * (2 * FRAME + 10)), most_bytes=3 * FRAME)
    [path] = kept.files()
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


async def test_too_much_leaves_no_file(kept: Kept) -> None:
    with pytest.raises(TooLarge):
        await Blobs(kept.store).write(parts(b"x" * (17 * FRAME)), most_bytes=16 * FRAME + 10)
    assert kept.files() == []


async def test_what_the_scan_refuses_leaves_no_file(kept: Kept) -> None:
    async def scan(content: AsyncIterator[bytes]) -> None:
        if b"EICAR" in b"".join([part async for part in content]):
            raise Infected

    blobs = Blobs(kept.store, scan)  # type: ignore[arg-type]
    await blobs.receive(parts(b"harmless"), most_bytes=100)
    with pytest.raises(Infected):
        await blobs.receive(parts(b"EICAR"), most_bytes=100)
    assert len(kept.files()) == 1


async def test_without_a_place_nothing_is_taken() -> None:
    with pytest.raises(NoPlaceForFiles):
        await Blobs(None).write(parts(b"x"), most_bytes=1)


async def test_a_file_stays_where_the_answer_to_its_commit_was_lost(
    tmp_path: Path, database: Database
) -> None:
    """It was removed although its row stood: an upload that went on had a hole, and was lost."""
    blobs, losing = Blobs(Folder(tmp_path)), LosingCommits()
    stored = await blobs.write(parts(b"kept"), most_bytes=4)
    async with losing.before(database.url) as url:
        behind = Database(url, pool_size=1)
        async with behind.reading() as session:
            assert await find(session, stored.id) is None
        losing.armed = True
        with pytest.raises(DBAPIError) as told:
            async with blobs.keeping(stored), behind.transaction() as session:
                add(session, BOX, stored, media="text/plain", name="kept")
        assert losing.lost == 1
        assert is_passing(told.value)
        await behind.close()
    async with database.reading() as session:
        row = await find(session, stored.id)
    assert row is not None
    assert await blobs.whole(row, BOX) == b"kept"


async def test_a_file_goes_where_its_row_is_refused(tmp_path: Path, database: Database) -> None:
    blobs = Blobs(Folder(tmp_path))
    stored = await blobs.write(parts(b"known"), most_bytes=5)
    async with database.transaction() as session:
        add(session, BOX, stored, media="text/plain", name="known")
    refused = await blobs.write(parts(b"second"), most_bytes=6)
    twice = replace(refused, id=stored.id)
    with pytest.raises(IntegrityError):
        async with blobs.keeping(refused), database.transaction() as session:
            add(session, BOX, twice, media="text/plain", name="second")
    other = await blobs.write(parts(b"third"), most_bytes=5)
    with pytest.raises(Conflict):
        async with blobs.keeping(other):
            raise Conflict
    assert Kept(Folder(tmp_path), tmp_path).ids() == {stored.id}


WRITER = """
    import asyncio, sys
    from pathlib import Path
    from kernel.blob_bucket import Bucket, Place
    from kernel.blob_store import FRAME, Folder
    from kernel.blobs import Blobs

    async def endless():
        while True:
            yield b"x" * FRAME
            await asyncio.sleep(0.005)

    kind, *place = sys.argv[1:]
    store = Folder(Path(place[0])) if kind == "folder" else Bucket(Place(*place))
    asyncio.run(Blobs(store).write(endless(), most_bytes=1 << 40))
"""


async def test_what_a_killed_writer_left_is_swept_after_a_day_and_nothing_else(
    kept: Kept, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process died in the middle of an upload: what it wrote has no row, and is found."""
    arguments = ["folder", str(kept.folder)]
    if isinstance(kept.store, Bucket):
        place = kept.store._place
        told = (place.endpoint, place.bucket, place.prefix, place.region, place.key_id)
        arguments = ["bucket", *told, place.secret]
    program = textwrap.dedent(WRITER)
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", program, *arguments)
    try:
        await eventually(lambda: bool(kept.ids()))
    finally:
        writer.kill()
        await writer.wait()
    [left] = kept.ids()
    blobs, now = Blobs(kept.store), clock.now()
    known = await known_beside(blobs, database, left[-2:])
    monkeypatch.setattr("secrets.token_hex", lambda _bytes: left[-2:])
    async with database.transaction() as session:
        await blobs.sweep(session, now + timedelta(hours=ORPHAN_HOURS - 1))
    assert kept.ids() == {left, known.id}
    async with database.transaction() as session:
        await blobs.sweep(session, now + timedelta(hours=ORPHAN_HOURS + 1))
    assert kept.ids() == {known.id}
    assert await read(blobs, known) == b"known"


async def known_beside(blobs: Blobs, database: Database, end: str) -> Stored:
    """Write a file that has a row, and lies in the same part of the store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kernel.blobs.new_id", lambda: secrets.token_hex(15) + end)
        stored = await blobs.write(parts(b"known"), most_bytes=5)
    async with database.transaction() as session:
        add(session, BOX, stored, media="text/plain", name="known")
    return stored


def full(_file: object, _folder: Path) -> None:
    raise OSError(28, "No space left on device")


async def test_a_full_disk_is_told_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_store, "_flush", full)
    with pytest.raises(StoreFull):
        await Blobs(Folder(tmp_path)).write(parts(b"x"), most_bytes=1)
    assert Kept(Folder(tmp_path), tmp_path).files() == []


async def test_a_bucket_over_tls_is_trusted_by_the_certificates_that_are_named(
    bucket: s3.S3, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without them the log says what to set: it once told of a store that gave no answer."""
    named = Blobs(Bucket(bucket.over_tls(bucket.authority.read_bytes())))
    stored = await named.write(parts(b"there"), most_bytes=5)
    assert await read(named, stored) == b"there"
    for authorities in (None, Authority(tmp_path, "Somebody else").file.read_bytes()):
        caplog.clear()
        with pytest.raises(StoreAway):
            await read(Blobs(Bucket(bucket.over_tls(authorities))), stored)
        assert "SHUYUAN_BUCKET_CA_FILE" in caplog.text


Wrong = Callable[[s3.S3, int], Bucket]
WRONG: dict[str, Wrong] = {
    "secret": lambda server, _silent: Bucket(server.place(secret="not-the-secret")),
    "bucket": lambda server, _silent: Bucket(server.place(bucket="nobody")),
    "refusing": lambda server, _silent: Bucket(server.place(port=1)),
    "silent": lambda server, silent: Bucket(
        server.place(port=silent, patience=timedelta(seconds=0.3))
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_bucket_that_cannot_be_used_is_away_and_its_secret_is_told_nobody(
    bucket: s3.S3,
    database: Database,
    wrong: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker's sweep goes on without it: it once ended the loop, and the worker with it."""
    monkeypatch.setattr("kernel.blobs.REMOVAL_SECONDS", 1.0)
    caplog.set_level(logging.DEBUG)
    stored = await Blobs(bucket.bucket()).write(parts(b"there"), most_bytes=5)
    with s3.silent() as port:
        blobs = Blobs(WRONG[wrong](bucket, port))
        with pytest.raises(StoreAway) as refused:
            await blobs.write(parts(b"x"), most_bytes=1)
        with pytest.raises(StoreAway):
            await read(blobs, stored)
        async with database.transaction() as session:
            await blobs.sweep(session, clock.now())
    told = caplog.text + repr(refused.value) + repr(bucket.place())
    assert s3.SECRET not in told
    assert "not-the-secret" not in told


URL = {"SHUYUAN_BUCKET_URL": "https://s3.example.gov.cn/shuyuan"}
KEY = {"SHUYUAN_BUCKET_KEY_ID": "a"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (URL, "SHUYUAN_BUCKET_KEY_ID"),
        (URL | KEY | {"SHUYUAN_BUCKET_SECRET_FILE": "/nowhere"}, "SHUYUAN_BUCKET_SECRET_FILE"),
        (URL | KEY | {"SHUYUAN_BLOBS_DIR": "/srv/blobs"}, "only one"),
        ({"SHUYUAN_BUCKET_URL": "https://s3.example.gov.cn"}, "bucket"),
        ({"SHUYUAN_BUCKET_URL": "s3://shuyuan"}, "http"),
        ({"SHUYUAN_BUCKET_URL": "https://key:secret@s3.example.gov.cn/shuyuan"}, "without user"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        blobs_of(of(settings))
