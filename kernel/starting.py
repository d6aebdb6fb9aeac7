"""What must be right before a process starts: each fault is a sentence that names its setting."""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn
from urllib.parse import urlsplit

import asyncpg
from pydantic import ValidationError

from kernel.database import AWAY, is_passing
from kernel.database_access import DatabaseAccess, trouble_of
from kernel.settings import Settings, load
from kernel.skew import MAX_SECONDS, finding, measured

# EX_CONFIG of sysexits.h: the settings are wrong, and starting again does not help.
UNFIT = 78

Check = Callable[[Settings], object]


def settings_for(*checks: Check) -> Settings:
    """Return the settings that every check of them accepts; exits with UNFIT and says why not.

    A check raises ValueError or OSError.
    """
    try:
        settings = load()
    except ValidationError as error:
        refuse(faults_of(error))
    faults = [fault for check in checks for fault in _of(check, settings)]
    if faults:
        refuse(faults)
    return settings


def require_database(settings: Settings) -> None:
    """Exit with UNFIT where the database refuses these settings, or tells another time.

    A database that is away, or busy, is none of it: the process starts, and waits for it.
    """
    try:
        faults = asyncio.run(look(DatabaseAccess.of(settings)))
    except AWAY as error:
        if not is_passing(error):
            raise
        return
    if faults:
        refuse(faults)


async def look(reached: DatabaseAccess) -> list[str]:
    """Return why the database cannot be used with these settings, by asking it."""
    try:
        connection = await reached.connect(timeout=5, command_timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        trouble = trouble_of(error)
        if trouble is None:
            raise
        return [f"PostgreSQL: {trouble}"]
    try:
        ahead = await measured(lambda: connection.fetchval("SELECT clock_timestamp()"))
    finally:
        connection.terminate()
    return [] if abs(ahead) <= MAX_SECONDS else [finding(ahead)]


def is_public(settings: Settings) -> None:
    """Raise ValueError where tokens and cookies would travel in clear outside development."""
    if settings.environment != "development" and urlsplit(settings.base_url).scheme != "https":
        raise ValueError(
            f"SHUYUAN_BASE_URL is {settings.base_url}: outside development it must be https, which"
            " a proxy in front of the gateway ends"
        )


def port_is_free(host: str, port: int, setting: str) -> None:
    """Raise ValueError where another program listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ValueError(f"{setting}: {host}:{port} cannot be listened on: {error}") from error


def faults_of(error: ValidationError) -> list[str]:
    """Return a sentence for each setting that cannot be used; no value of it is shown."""
    return [
        f"SHUYUAN_{str(one['loc'][0]).upper()}: {one['msg']}" if one["loc"] else one["msg"]
        for one in error.errors(include_input=False)
    ]


def refuse(faults: Iterable[str]) -> NoReturn:
    lines = "".join(f"  - {fault}\n" for fault in faults)
    sys.stderr.write(f"✗ 设置不可用，未启动 / not started, the settings cannot be used:\n{lines}")
    sys.exit(UNFIT)


def _of(check: Check, settings: Settings) -> list[str]:
    try:
        check(settings)
    except (ValueError, OSError) as error:
        return [str(error)]
    return []
