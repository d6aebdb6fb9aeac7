"""How long the certificates hold that settings name, and the one at the public address."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from gateway.diagnosis.findings import Area, Finding, Verdict, plain
from kernel import clock
from kernel.errors import Text
from kernel.settings import Settings
from kernel.workdays import local_date

SOON: Final = timedelta(days=30)
FILES: Final = (
    "database_tls_ca_file", "database_tls_cert_file", "kafka_ca_file", "kafka_cert_file",
    "bucket_ca_file", "outbound_ca_file", "smtp_ca_file",
)  # fmt: skip
RENEW: Final = Text("更换证书，然后逐个重启进程", "replace it, then restart processes one by one")
PUBLIC: Final = Text(
    "在公开地址前的代理上更换证书", "replace it at the proxy in front of the public address"
)
HTTPS: Final = 443


async def look(settings: Settings) -> list[Finding]:
    """Look at every file of certificates, and at what the public address shows over TLS."""
    now = clock.now()
    found = await asyncio.to_thread(lambda: list(_files(settings, now)))
    address = urlsplit(settings.base_url)
    if address.scheme == "https":
        found.append(await _public(address.hostname or "", address.port or HTTPS, now))
    if found:
        return found
    told = Text("未使用任何证书", "none is in use")
    return [Finding(area=Area.CERTIFICATES, part=Text("证书", "certificates"), told=told)]


def _files(settings: Settings, now: datetime) -> Iterator[Finding]:
    for name in FILES:
        path: Path | None = getattr(settings, name)
        if path is not None:
            setting = f"SHUYUAN_{name.upper()}"
            try:
                read = x509.load_pem_x509_certificates(path.read_bytes())
            except (OSError, ValueError) as error:
                yield _unread(setting, error)
            else:
                until = min(each.not_valid_after_utc for each in read)
                yield finding(plain(setting), until, now, RENEW)


async def _public(host: str, port: int, now: datetime) -> Finding:
    part = Text(f"公开地址 {host} 的证书", f"certificate at {host}")
    # Whoever signed it, its day is asked for: clients judge the rest.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        _reader, writer = await asyncio.open_connection(
            host, port, ssl=context, server_hostname=host
        )
    except OSError as error:
        return _unread(part.zh, error, part)
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return finding(part, x509.load_der_x509_certificate(shown).not_valid_after_utc, now, PUBLIC)


def _unread(name: str, error: Exception, part: Text | None = None) -> Finding:
    return Finding(
        area=Area.CERTIFICATES,
        part=part or plain(name),
        told=plain(str(error) or type(error).__name__),
        verdict=Verdict.DOUBTFUL,
        remedy=Text("检查该文件或地址", "check that file or address"),
    )


def finding(part: Text, until: datetime, now: datetime, remedy: Text) -> Finding:
    """Return what is to be said of a certificate that holds until then; pure."""
    day = local_date(until).isoformat()
    if until > now + SOON:
        told = Text(f"有效至 {day}", f"holds until {day}")
        return Finding(area=Area.CERTIFICATES, part=part, told=told)
    over = until <= now
    return Finding(
        area=Area.CERTIFICATES,
        part=part,
        told=Text(f"已于 {day} 到期", f"ended on {day}")
        if over
        else Text(f"将于 {day} 到期", f"ends on {day}"),
        verdict=Verdict.BAD if over else Verdict.DOUBTFUL,
        since=until if over else None,
        remedy=remedy,
    )
