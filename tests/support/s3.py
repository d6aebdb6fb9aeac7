"""An S3 store of a test's own: S3Proxy on a folder, one process."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from deploy.local import artifacts
from deploy.local.java import find_java
from deploy.local.ports import any_free
from kernel.blob_bucket import PATIENCE, Bucket, Place
from tests.support.certificates import Authority

READY_SECONDS = 120.0
KEY_ID, SECRET = "shuyuan-test", "a-secret-of-the-test"
BUCKET = "shuyuan"
PROPERTIES = """\
s3proxy.endpoint=http://127.0.0.1:{port}
s3proxy.secure-endpoint=https://127.0.0.1:{tls_port}
s3proxy.keystore-path={keystore}
s3proxy.keystore-password={secret}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={key_id}
s3proxy.credential={secret}
jclouds.provider=filesystem-nio2
jclouds.filesystem.basedir={folder}
"""
JVM = ("-Xms32m", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
QUIET = "-Dlogback.statusListenerClass=ch.qos.logback.core.status.NopStatusListener"


@dataclass(frozen=True)
class S3:
    """A store with one bucket, whose objects are files of `folder`.

    It answers over TLS, too, by a certificate that only `authority` (PEM) vouches for.
    """

    port: int
    tls_port: int
    authority: Path
    folder: Path
    server: subprocess.Popen[bytes]

    def place(
        self,
        *,
        port: int | None = None,
        bucket: str = BUCKET,
        secret: str = SECRET,
        patience: timedelta = PATIENCE,
    ) -> Place:
        endpoint = f"http://127.0.0.1:{port or self.port}"
        return Place(endpoint, bucket, "blobs", "us-east-1", KEY_ID, secret, None, patience)

    def over_tls(self, authorities: bytes | None) -> Place:
        plain = self.place()
        return replace(
            plain, endpoint=f"https://127.0.0.1:{self.tls_port}", authorities=authorities
        )

    def bucket(self) -> Bucket:
        return Bucket(self.place())

    def settings(self, root: Path) -> dict[str, str]:
        """Return a platform's settings that keep its files here."""
        secret = root / "s3-secret"
        secret.write_text(f"{SECRET}\n")
        return {
            "SHUYUAN_BLOBS_DIR": "",
            "SHUYUAN_BUCKET_URL": f"http://127.0.0.1:{self.port}/{BUCKET}/blobs",
            "SHUYUAN_BUCKET_KEY_ID": KEY_ID,
            "SHUYUAN_BUCKET_SECRET_FILE": str(secret),
        }

    def objects(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


@contextmanager
def running(root: Path) -> Iterator[S3]:
    """Run a store in a folder."""
    data = root / "data"
    (data / BUCKET).mkdir(parents=True)
    port, tls_port, properties = any_free(), any_free(), root / "s3proxy.conf"
    authority = Authority(root / "authority")
    said = PROPERTIES.format(
        port=port, tls_port=tls_port, keystore=_keystore(root, authority),
        key_id=KEY_ID, secret=SECRET, folder=data,
    )  # fmt: skip
    properties.write_text(said, encoding="utf-8")
    jars = artifacts.class_path("s3proxy", lambda _line: None)
    with (root / "log").open("wb") as log:
        server = subprocess.Popen(
            [find_java(), *JVM, QUIET, "-jar", jars, "--properties", properties],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _until_ready(port, server)
        yield S3(port, tls_port, authority.file, data / BUCKET, server)
    finally:
        server.kill()
        server.wait()


def _keystore(root: Path, authority: Authority) -> Path:
    """Return a file as Java reads it, of a new certificate and its key."""
    certificate, key = authority.issue("store")
    held = pkcs12.serialize_key_and_certificates(
        b"store",
        serialization.load_pem_private_key(key.read_bytes(), None),  # type: ignore[arg-type]
        x509.load_pem_x509_certificate(certificate.read_bytes()),
        None,
        serialization.BestAvailableEncryption(SECRET.encode()),
    )
    path = root / "store.p12"
    path.write_bytes(held)
    return path


def _until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=2, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the S3 store did not start")


@contextmanager
def silent() -> Iterator[int]:
    """Listen on a port where whoever connects waits for ever; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
