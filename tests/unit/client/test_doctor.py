"""`shuyuan doctor`: each thing it looks at, right and wrong."""

import datetime as dt
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509

from shuyuan_client.cli.doctor import clock, profile_rights, reach, transport
from tests.support.certificates import LOOPBACK, Authority

ELSEWHERE = (x509.DNSName("share.example"),)
DAYS = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("mode", "remedy"), [(0o600, None), (0o640, "chmod 600"), (0o604, "chmod 600")]
)
def test_a_profile_is_for_its_owner_alone(tmp_path: Path, mode: int, remedy: str | None) -> None:
    profile = tmp_path / "provider.env"
    profile.touch()
    profile.chmod(mode)
    found = profile_rights(profile)
    assert found.remedy is None if remedy is None else remedy in str(found.remedy)


def test_a_profile_that_is_not_there_is_said_to_be_away(tmp_path: Path) -> None:
    assert profile_rights(tmp_path / "none").remedy


@pytest.mark.parametrize(
    ("address", "is_right"),
    [("https://share.example", True), ("http://127.0.0.1:8000", True), ("http://localhost", True),
     ("http://share.example", False), ("share.example", False)],
)  # fmt: skip
def test_records_travel_encrypted(address: str, *, is_right: bool) -> None:
    assert (transport(address).remedy is None) is is_right


@pytest.mark.parametrize(
    ("seconds", "is_right"), [(0, True), (29, True), (-29, True), (31, False), (-3_600, False)]
)
def test_a_clock_may_differ_a_little(seconds: int, *, is_right: bool) -> None:
    now = 1_800_000_000
    assert (clock(formatdate(now, usegmt=True), now + seconds).remedy is None) is is_right


@pytest.mark.parametrize("told", ["", "yesterday"])
def test_what_tells_no_time_is_perhaps_another_service(told: str) -> None:
    assert clock(told, 0).remedy


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "ftp://share.example", "share.example"])
def test_an_address_that_does_not_answer_is_a_sentence(address: str) -> None:
    answer, found = reach(address)
    assert answer is None
    assert (bool(found.remedy), found.exit_code) == (True, 3)


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        pass


@contextmanager
def served(files: tuple[Path, Path] | None) -> Iterator[int]:
    """Serve on the loopback, by TLS where there are a certificate and its key; yield the port."""
    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        if files is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*files)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("hosts", "from_now", "is_trusted", "remedy"),
    [
        (LOOPBACK, 0 * DAYS, True, None),
        (LOOPBACK, 0 * DAYS, False, "SSL_CERT_FILE"),
        (LOOPBACK, -3 * DAYS, True, "已过期"),
        (LOOPBACK, 3 * DAYS, True, "尚未生效"),
        (ELSEWHERE, 0 * DAYS, True, "不是该地址的"),
    ],
)
def test_each_fault_of_a_certificate_has_its_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hosts: tuple[x509.GeneralName, ...],
    from_now: dt.timedelta,
    remedy: str | None,
    *,
    is_trusted: bool,
) -> None:
    monkeypatch.setenv("SHUYUAN_LANG", "zh")
    authority = Authority(tmp_path)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with served(authority.issue("server", hosts, from_now=from_now)) as port:
        _, found = reach(f"https://127.0.0.1:{port}")
    assert found.remedy is None if remedy is None else remedy in str(found.remedy)


def test_a_port_without_tls_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUYUAN_LANG", "zh")
    with served(None) as port:
        answer, found = reach(f"https://127.0.0.1:{port}")
    assert answer is None
    assert "未启用 TLS" in str(found.remedy)
