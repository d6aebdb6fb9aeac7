"""PostgreSQL that speaks TLS alone.

The packaged server is built without it: a front that ends TLS stands before the session's own, and
a server of the system takes its place where there is one.
"""

import asyncio
import os
import secrets
import shutil
import ssl
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deploy.local.ports import HOST, any_free

SSL_REQUEST = 80877103
CHUNK_BYTES = 65536
START_SECONDS = 30.0
REFUSED = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for this host, no encryption\0\0"


@asynccontextmanager
async def ending_tls(database_url: str, certificate: Path, key: Path) -> AsyncIterator[str]:
    """Yield the URL of a front that shows the certificate and refuses whoever asks for no TLS."""
    place = urlsplit(database_url)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await _begin_tls(reader, writer, context):
                await _join(reader, writer, *await asyncio.open_connection(HOST, place.port))
        except (OSError, asyncio.IncompleteReadError):
            pass  # a client that does not trust the certificate leaves
        finally:
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield _at(database_url, server.sockets[0].getsockname()[1])


async def _begin_tls(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
) -> bool:
    _length, code = struct.unpack("!II", await reader.readexactly(8))
    if code != SSL_REQUEST:
        writer.write(b"E" + struct.pack("!I", len(REFUSED) + 4) + REFUSED)
        await writer.drain()
        return False
    writer.write(b"S")
    await writer.start_tls(context)
    return True


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    behind: asyncio.StreamReader,
    ahead: asyncio.StreamWriter,
) -> None:
    ways = (asyncio.create_task(_pass(reader, ahead)), asyncio.create_task(_pass(behind, writer)))
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
    ahead.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()


def _at(url: str, port: int) -> str:
    place = urlsplit(url)
    user = place.netloc.rpartition("@")[0]
    return urlunsplit(place._replace(netloc=f"{user}@{HOST}:{port}"))


def system_server() -> Path | None:
    """Return the programs of a PostgreSQL of this machine that is built with TLS."""
    for programs in sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        asked = (str(programs / "pg_config"), "--configure")
        if not Path(asked[0]).exists():
            continue
        told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        if "openssl" in told or "with-ssl" in told:
            return programs
    return None


@contextmanager
def tls_server(
    programs: Path, home: Path, files: tuple[Path, Path], authority: Path
) -> Iterator[str]:
    """Yield the URL of a server of its own that takes TLS with a client certificate alone."""
    # PostgreSQL refuses root; within a namespace it is somebody else with the same files.
    prefix = ("unshare", "-U", "--map-user=1000", "--map-group=1000") if os.geteuid() == 0 else ()
    data, port = home / "data", any_free()
    home.mkdir()
    secret = home / "password"
    secret.write_text(secrets.token_urlsafe(12))
    made = (str(programs / "initdb"), "-D", str(data), "-U", "shuyuan", f"--pwfile={secret}")
    subprocess.run((*prefix, *made, "-A", "scram-sha-256"), check=True, capture_output=True)
    for file, name in zip((*files, authority), ("own.crt", "own.key", "ca.crt"), strict=True):
        shutil.copyfile(file, data / name)
        (data / name).chmod(0o600)
    (data / "pg_hba.conf").write_text(
        f"hostssl all all {HOST}/32 scram-sha-256 clientcert=verify-ca\n"
    )
    said = {"listen_addresses": HOST, "port": str(port), "unix_socket_directories": "", "ssl": "on"}
    said |= {"ssl_cert_file": "own.crt", "ssl_key_file": "own.key", "ssl_ca_file": "ca.crt"}
    options = [part for name, value in said.items() for part in ("-c", f"{name}={value}")]
    command = (*prefix, str(programs / "postgres"), "-D", str(data), *options)
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await(server, data / "postmaster.pid", home / "log")
        yield f"postgresql://shuyuan:{secret.read_text()}@{HOST}:{port}/postgres"
    finally:
        server.send_signal(2)
        server.wait(START_SECONDS)


def _await(server: subprocess.Popen[bytes], told: Path, log: Path) -> None:
    """Wait for the server's own word: its port is open while it still starts up."""
    deadline = time.monotonic() + START_SECONDS
    while not (told.exists() and told.read_text().rstrip().endswith("ready")):
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
