"""A disk without room, as the kernel refuses to write: told as such, and nothing stays behind."""

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.support.processes import ROOT

BYTES = 100_000
PROGRAM = """
    import asyncio, resource, sys, tempfile
    from pathlib import Path

    from catalog.contracts.model import DataType
    from exchange.delivery.snapshots.columns import Column, Row
    from exchange.delivery.snapshots.formats import Format, writer_of
    from kernel.blob_store import Folder, StoreFull
    from kernel.blobs import Blobs
    from kernel.workbooks.writing import Heading, Sheet, write

    place, limit = Path(sys.argv[1]), int(sys.argv[2])
    tempfile.tempdir = str(place)
    # No file may be longer: what a full disk, a quota and a limit have in common.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def upload():
        async def content():
            for _ in range(8):
                yield bytes(limit)
        asyncio.run(Blobs(Folder(place)).write(content(), most_bytes=9 * limit))

    def export():
        rows = ([f"{n} and so on", "z" * 50] for n in range(20_000))
        write([Sheet("one", [Heading("a"), Heading("b")], rows)])

    def snapshot(rows, text):
        writer = writer_of(Format.XLSX, [Column("a", "a", DataType.STRING)])
        try:
            writer.add([Row(f"{n}", {"a": text(n)}) for n in range(rows)], [])
            list(writer.end())
        finally:
            writer.close()

    def rows():
        snapshot(20_000, lambda n: b'"%050d"' % n)

    def book():
        # Its rows have room, and the book has none: what it is packed of is written twice.
        snapshot(1, lambda n: b'"x"')
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))
        snapshot(1, lambda n: b'"x"')

    for each in (upload, export, rows, book):
        try:
            each()
        except StoreFull:
            left = [path.name for path in place.rglob("*") if path.is_file()]
            print(each.__name__, "is told", left, flush=True)
"""


def test_a_full_disk_is_told_by_every_writer_and_leaves_nothing(tmp_path: Path) -> None:
    """A workbook hid why it could not be written: a 500, and a job that was broken."""
    program = textwrap.dedent(PROGRAM)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path), str(BYTES)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = [f"{each} is told []" for each in ("upload", "export", "rows", "book")]
    # No file is left open, which would be told there.
    assert (ran.stdout.splitlines(), ran.stderr) == (said, "")
