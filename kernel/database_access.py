"""How PostgreSQL is reached: one reading of URL and TLS settings for every connection to it."""

import ssl
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from kernel.settings import Settings
from kernel.tls import Files

SCHEMES = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
TLS_OPTIONS = frozenset({"ssl", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword"})
# A folder of Unix sockets cannot stand where a URL has its host.
OPTIONS = frozenset({"host"})
USUAL_PORT = 5432


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """What each connection to the database is opened with."""

    url: str = field(repr=False)
    tls: ssl.SSLContext | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read URL and files that the settings name; ValueError says which is wrong, and how."""
        _parts(settings.database_url)
        return cls(settings.database_url, _context(settings))

    def named(self, database: str) -> Self:
        """Return the way to another database of the same server."""
        url = _parts(self.url).set(database=database)
        return type(self)(url.render_as_string(hide_password=False), self.tls)

    async def connect(self, **options: Any) -> asyncpg.Connection:  # noqa: ANN401 - asyncpg's own
        """Open a connection with these options of asyncpg."""
        parts = _parts(self.url)
        folder = parts.query.get("host")
        return await asyncpg.connect(
            host=folder or parts.host,
            port=parts.port or USUAL_PORT,
            user=parts.username,
            password=parts.password,
            database=parts.database,
            # Told in any case: left out, PGSSLMODE would decide.
            ssl=self.tls or False,
            **options,
        )


DatabaseAddress: TypeAlias = DatabaseAccess | str
"""How the database is reached; a URL alone is one in the clear."""


def access(place: DatabaseAddress) -> DatabaseAccess:
    return DatabaseAccess(place) if isinstance(place, str) else place


def _parts(url: str) -> URL:
    """Read the URL; ValueError names what it may not hold."""
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ValueError("SHUYUAN_DATABASE_URL is no URL: postgresql://user@host/name") from error
    if parts.drivername not in SCHEMES:
        raise ValueError(f"SHUYUAN_DATABASE_URL begins with {parts.drivername}, not postgresql")
    options = sorted(set(parts.query) - OPTIONS)
    if set(options) & TLS_OPTIONS:
        raise ValueError(
            f"SHUYUAN_DATABASE_URL holds ?{options[0]}=: TLS is decided by SHUYUAN_DATABASE_TLS"
            " and the files of SHUYUAN_DATABASE_TLS_CA_FILE, …_CERT_FILE, …_KEY_FILE"
        )
    if options:
        raise ValueError(f"SHUYUAN_DATABASE_URL holds ?{options[0]}=, which is not taken there")
    return parts


def _context(settings: Settings) -> ssl.SSLContext | None:
    mode, authority = settings.database_tls, settings.database_tls_ca_file
    certificate, key = settings.database_tls_cert_file, settings.database_tls_key_file
    files = Files("DATABASE_TLS", authority, certificate, key)
    if mode == "disable":
        if authority or certificate or key:
            raise ValueError("SHUYUAN_DATABASE_TLS is disable, and files for TLS are named")
        return None
    context = files.context()
    context.check_hostname = mode == "verify-full"
    if mode == "require" and authority is None:
        # As with libpq: encrypted, to whoever answers.
        context.verify_mode = ssl.CERT_NONE
    return context


def trouble_of(error: BaseException) -> str | None:
    """Return in a sentence what settings keep us from the database; None for any other error."""
    if isinstance(error, ssl.SSLError):
        return _no_tls(error)
    if isinstance(error, ConnectionError) and "SSL" in str(error):
        return "it speaks no TLS (SHUYUAN_DATABASE_TLS)"
    if isinstance(error, asyncpg.InvalidPasswordError):
        return "it refuses user or password (SHUYUAN_DATABASE_URL)"
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return f"it refuses: {error} (SHUYUAN_DATABASE_URL, SHUYUAN_DATABASE_TLS, …_CERT_FILE)"
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return f"it refuses: {error} (SHUYUAN_DATABASE_URL)"
    return None


def _no_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted: {error.verify_message}"
            " (SHUYUAN_DATABASE_TLS_CA_FILE, host of SHUYUAN_DATABASE_URL)"
        )
    return f"no TLS with it: {error.reason or error} (SHUYUAN_DATABASE_TLS, …_CERT_FILE)"
