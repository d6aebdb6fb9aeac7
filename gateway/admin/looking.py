"""What the platform needs, looked at one by one: nothing of it is changed."""

import asyncio
import logging
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from exchange.log.access import Access
from exchange.log.condition import Condition
from exchange.log.connection import Connection
from exchange.log.topics import TopicPolicy
from exchange.notices.mail import Mailer
from kernel.database import AWAY, Database, sqlstate
from kernel.database_access import DatabaseAccess
from kernel.errors import ShuyuanError
from kernel.files import blobs_of
from kernel.master_key import UNDEFINED_TABLE, MasterKeyUnknown, open_box
from kernel.settings import Settings, load
from kernel.starting import Check, faults_of, is_public
from kernel.starting import look as look_at_database
from shuyuan_client.failures import EXIT_FAILED, EXIT_UNREACHABLE

SECONDS = 20.0
SAMPLE = b"shuyuan"
Words = tuple[str, str]
CORRECT: Words = ("更正该设置", "correct the setting")
MIGRATE: Words = (
    "先执行 python -m deploy.migrations upgrade",
    "first run python -m deploy.migrations upgrade",
)


class Found(NamedTuple):
    """A part that was looked at; `fault` is None where it is as it should be."""

    part: Words
    fault: str | None = None
    remedy: Words = CORRECT
    exit_code: int = EXIT_FAILED


class _UndoneError(Exception):
    """Rolls back what looking would have made."""


async def look() -> list[Found]:
    """Look at settings first: what they name is asked only where they can be used."""
    # Each fault is told by its own line.
    logging.disable(logging.ERROR)
    try:
        settings = load()
    except ValidationError as error:
        return [Found(("设置", "settings"), fault) for fault in faults_of(error)]
    found = list(_settings(settings))
    if any(each.fault for each in found):
        return found
    for part, ask in SERVICES:
        found += await _asked(part, ask, settings)
    return found


CHECKS: Sequence[tuple[Words, Check]] = (
    (("公开地址", "public address"), is_public),
    (("主密钥", "master key"), Settings.master_key_bytes),
    (("其他主密钥", "other master keys"), Settings.other_master_key_bytes),
    (("PostgreSQL 的连接设置", "how PostgreSQL is reached"), DatabaseAccess.of),
    (("Kafka 的连接设置", "how Kafka is reached"), Access.of),
    (("文件存放位置的设置", "where files are kept"), blobs_of),
)


def _settings(settings: Settings) -> Iterator[Found]:
    for part, check in CHECKS:
        try:
            check(settings)
        except (ValueError, OSError) as error:
            yield Found(part, f"{part[1]}: {error}")
        else:
            yield Found(part)


Ask = Callable[[Settings], Awaitable[list[Found]]]


async def _asked(part: Words, ask: Ask, settings: Settings) -> list[Found]:
    """Return what a service answers; one that does not answer in time is a fault as well."""
    try:
        async with asyncio.timeout(SECONDS):
            return await ask(settings)
    except (*AWAY, SQLAlchemyError, ShuyuanError, smtplib.SMTPException, ValueError) as error:
        reason = str(getattr(error, "orig", None) or error) or type(error).__name__
        return [Found(part, reason.splitlines()[0], REMEDIES[part], EXIT_UNREACHABLE)]


async def _database(settings: Settings) -> list[Found]:
    faults = await look_at_database(DatabaseAccess.of(settings))
    return [Found(DATABASE, fault) for fault in faults] or [Found(DATABASE)]


async def _schema(settings: Settings) -> list[Found]:
    """Whether the database is migrated, and its root key read by one of the master keys."""
    database = Database(DatabaseAccess.of(settings), pool_size=1)
    try:
        with suppress(_UndoneError):
            async with database.transaction() as session:
                version = text("SELECT version_num FROM kernel.alembic_version")
                number = (await session.execute(version)).scalar_one_or_none()
                await open_box(session, settings)
                raise _UndoneError
    except MasterKeyUnknown as error:
        return [
            Found(SCHEMA, str(error), ("指明该数据库所用的主密钥", "name the key of this database"))
        ]
    except SQLAlchemyError as error:
        if sqlstate(error) == UNDEFINED_TABLE:
            return [Found(SCHEMA, "kernel.alembic_version", MIGRATE)]
        raise
    finally:
        await database.close()
    return [
        Found((f"数据库结构 {number}，主密钥可用", f"schema {number}; the master key reads it"))
    ]


async def _broker(settings: Settings) -> list[Found]:
    connection = Connection(Access.of(settings), "check")
    condition = Condition(connection, TopicPolicy.of(settings), with_topics=True)
    try:
        await condition.look()
        answers = await connection.alive()
    finally:
        await connection.close()
    remedy, code = (CORRECT, EXIT_FAILED) if answers else (REMEDIES[BROKER], EXIT_UNREACHABLE)
    faults = [Found(BROKER, fault, remedy, code) for fault in condition.findings]
    return faults or [Found(BROKER)]


async def _files(settings: Settings) -> list[Found]:
    """Whether a file can be written and taken away again."""
    blobs = blobs_of(settings)
    await blobs.drop(await blobs.write(_sample(), most_bytes=len(SAMPLE)))
    return [Found(FILES)]


async def _sample() -> AsyncIterator[bytes]:
    yield SAMPLE


async def _mail(settings: Settings) -> list[Found]:
    mailer = Mailer(settings)
    try:
        if not mailer.is_on:
            return [Found(("邮件未启用", "mail is off"))]
        await asyncio.to_thread(mailer.greet)
    finally:
        mailer.close()
    return [Found(MAIL)]


DATABASE: Words = ("PostgreSQL", "PostgreSQL")
SCHEMA: Words = ("数据库结构与主密钥", "schema and master key")
BROKER: Words = ("Kafka", "Kafka")
FILES: Words = ("文件存放位置", "the place for files")
MAIL: Words = ("邮件服务器", "mail server")
SERVICES: Sequence[tuple[Words, Ask]] = (
    (DATABASE, _database),
    (SCHEMA, _schema),
    (BROKER, _broker),
    (FILES, _files),
    (MAIL, _mail),
)
REMEDIES = {
    DATABASE: (
        "检查 SHUYUAN_DATABASE_URL，并确认数据库已启动、可达",
        "check SHUYUAN_DATABASE_URL, and that the database runs and is reached",
    ),
    SCHEMA: ("先解决 PostgreSQL 的问题", "see to PostgreSQL first"),
    BROKER: (
        "检查 SHUYUAN_KAFKA_BOOTSTRAP，并确认各 broker 已启动、可达",
        "check SHUYUAN_KAFKA_BOOTSTRAP, and that the brokers run and are reached",
    ),
    FILES: (
        "设置 SHUYUAN_BLOBS_DIR 或 SHUYUAN_BUCKET_URL，并确认可写",
        "set SHUYUAN_BLOBS_DIR or SHUYUAN_BUCKET_URL, and see that it can be written to",
    ),
    MAIL: (
        "检查 SHUYUAN_SMTP_HOST、SHUYUAN_SMTP_PORT、SHUYUAN_SMTP_TLS 和凭据",
        "check SHUYUAN_SMTP_HOST, SHUYUAN_SMTP_PORT, SHUYUAN_SMTP_TLS and the credentials",
    ),
}
