"""What a node of the platform needs, looked at one by one: nothing of it is changed.

Everything is asked on connections of its own, side by side and within a time: what hangs is told
as a fault, and holds up neither the others nor who looks.
"""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from exchange.log.access import Access
from exchange.log.condition import Condition
from exchange.log.connection import Connection
from exchange.log.topics import TopicPolicy
from exchange.notices.mail import Mailer
from gateway.diagnosis import certificates, disk
from gateway.diagnosis.findings import Area, Finding, Verdict, plain
from kernel.database import AWAY, Database, sqlstate
from kernel.database_access import DatabaseAccess
from kernel.errors import ShuyuanError, Text
from kernel.files import blobs_of
from kernel.master_key import UNDEFINED_TABLE, MasterKeyUnknown, open_box
from kernel.settings import Settings
from kernel.starting import Check, is_public
from kernel.starting import look as look_at_database

SAMPLE: Final = b"shuyuan"
CORRECT: Final = Text("更正该设置", "correct the setting")
MIGRATE: Final = Text(
    "先执行 python -m deploy.migrations upgrade", "first run python -m deploy.migrations upgrade"
)
Ask = Callable[[Settings], Awaitable[list[Finding]]]
# Questions that did not end in time are told to, and end when what they wait in lets them.
_LEFT: Final[set["asyncio.Task[list[Finding]]"]] = set()


@dataclass(frozen=True, slots=True)
class Need:
    """One thing to ask, and what to do where it does not answer as it should."""

    area: Area
    part: Text
    ask: Ask
    remedy: Text

    def fault(self, told: Text, remedy: Text | None = None, *, away: bool = False) -> Finding:
        return Finding(
            area=self.area,
            part=self.part,
            told=told,
            verdict=Verdict.BAD,
            remedy=remedy or self.remedy,
            away=away,
        )


class _UndoneError(Exception):
    """Rolls back what looking would have made."""


def unusable(sentence: str) -> Finding:
    """Return what a setting that cannot be used is told as."""
    return Finding(
        area=Area.SETTINGS,
        part=SETTINGS,
        told=plain(sentence),
        verdict=Verdict.BAD,
        remedy=CORRECT,
    )


async def look(settings: Settings, seconds: float) -> list[Finding]:
    """Look at settings first: what they name is asked only where they can be used."""
    found = list(_settings(settings))
    if any(each.verdict is Verdict.BAD for each in found):
        return found
    return found + await asked(SERVICES, settings, seconds)


async def asked(needs: Sequence[Need], settings: Settings, seconds: float) -> list[Finding]:
    """Ask all of them at once; one that has not answered by then is a fault as well."""
    tasks = [asyncio.create_task(_asked(need, settings)) for need in needs]
    try:
        await asyncio.wait(tasks, timeout=seconds)
    finally:
        _leave(tasks)
    found: list[Finding] = []
    for need, task in zip(needs, tasks, strict=True):
        if task.done() and not task.cancelled():
            found += task.result()
        else:
            found.append(need.fault(_late(seconds), away=True))
    return found


def _leave(tasks: Sequence["asyncio.Task[list[Finding]]"]) -> None:
    for task in tasks:
        if not task.done():
            _LEFT.add(task)
            task.add_done_callback(_LEFT.discard)
            task.cancel()


def _late(seconds: float) -> Text:
    return Text(f"未在 {seconds:.0f} 秒内应答", f"did not answer within {seconds:.0f} s")


async def _asked(need: Need, settings: Settings) -> list[Finding]:
    try:
        return await need.ask(settings)
    except (*AWAY, SQLAlchemyError, ShuyuanError, smtplib.SMTPException, ValueError) as error:
        reason = str(getattr(error, "orig", None) or error) or type(error).__name__
        return [need.fault(plain(reason.splitlines()[0]), away=True)]


CHECKS: Final[Sequence[tuple[Text, Check]]] = (
    (Text("公开地址", "public address"), is_public),
    (Text("主密钥", "master key"), Settings.master_key_bytes),
    (Text("其他主密钥", "other master keys"), Settings.other_master_key_bytes),
    (Text("PostgreSQL 的连接设置", "how PostgreSQL is reached"), DatabaseAccess.of),
    (Text("Kafka 的连接设置", "how Kafka is reached"), Access.of),
    (Text("文件存放位置的设置", "where files are kept"), blobs_of),
)
USABLE: Final = Text("可用", "can be used")


def _settings(settings: Settings) -> Iterator[Finding]:
    for part, check in CHECKS:
        try:
            check(settings)
        except (ValueError, OSError) as error:
            yield Finding(
                area=Area.SETTINGS,
                part=part,
                told=plain(f"{error}"),
                verdict=Verdict.BAD,
                remedy=CORRECT,
            )
        else:
            yield Finding(area=Area.SETTINGS, part=part, told=USABLE)


async def _database(settings: Settings) -> list[Finding]:
    faults = await look_at_database(DatabaseAccess.of(settings))
    told = Text("应答正常，时钟一致", "answers, and tells the same time")
    good = Finding(area=Area.DATABASE, part=DATABASE.part, told=told)
    return [DATABASE.fault(plain(fault), CORRECT) for fault in faults] or [good]


async def _schema(settings: Settings) -> list[Finding]:
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
        remedy = Text("指明该数据库所用的主密钥", "name the key of this database")
        return [SCHEMA.fault(plain(str(error)), remedy)]
    except SQLAlchemyError as error:
        if sqlstate(error) == UNDEFINED_TABLE:
            return [SCHEMA.fault(plain("kernel.alembic_version"), MIGRATE)]
        raise
    finally:
        await database.close()
    told = Text(f"结构 {number}，主密钥可用", f"schema {number}; the master key reads it")
    return [Finding(area=Area.DATABASE, part=SCHEMA.part, told=told)]


async def _broker(settings: Settings) -> list[Finding]:
    connection = Connection(Access.of(settings), "check")
    condition = Condition(connection, TopicPolicy.of(settings), with_topics=True, quiet=True)
    try:
        await condition.look()
        answers = await connection.alive()
    finally:
        await connection.close()
    remedy = CORRECT if answers else BROKER.remedy
    faults = [BROKER.fault(plain(fault), remedy, away=not answers) for fault in condition.findings]
    told = Text("应答正常，各主题符合策略", "answers; its topics are as the policy has them")
    return faults or [Finding(area=Area.BROKER, part=BROKER.part, told=told)]


async def _files(settings: Settings) -> list[Finding]:
    """Whether a file can be written and taken away again."""
    blobs = blobs_of(settings)
    await blobs.drop(await blobs.write(_sample(), most_bytes=len(SAMPLE)))
    told = Text("可写入、可删除", "takes a file, and gives it up")
    return [Finding(area=Area.FILES, part=FILES.part, told=told)]


async def _sample() -> AsyncIterator[bytes]:
    yield SAMPLE


async def _mail(settings: Settings) -> list[Finding]:
    mailer = Mailer(settings)
    told = Text("可连接", "is reached")
    try:
        if mailer.is_on:
            await asyncio.to_thread(mailer.greet)
        else:
            told = Text("未启用", "mail is off")
    finally:
        mailer.close()
    return [Finding(area=Area.MAIL, part=MAIL.part, told=told)]


SETTINGS: Final = Text("设置", "settings")
DATABASE: Final = Need(
    Area.DATABASE,
    plain("PostgreSQL"),
    _database,
    Text(
        "检查 SHUYUAN_DATABASE_URL，并确认数据库已启动、可达",
        "check SHUYUAN_DATABASE_URL, and that the database runs and is reached",
    ),
)
SCHEMA: Final = Need(
    Area.DATABASE,
    Text("数据库结构与主密钥", "schema and master key"),
    _schema,
    Text("先解决 PostgreSQL 的问题", "see to PostgreSQL first"),
)
BROKER: Final = Need(
    Area.BROKER,
    plain("Kafka"),
    _broker,
    Text(
        "检查 SHUYUAN_KAFKA_BOOTSTRAP，并确认各 broker 已启动、可达",
        "check SHUYUAN_KAFKA_BOOTSTRAP, and that the brokers run and are reached",
    ),
)
FILES: Final = Need(
    Area.FILES,
    Text("文件存放位置", "the place for files"),
    _files,
    Text(
        "设置 SHUYUAN_BLOBS_DIR 或 SHUYUAN_BUCKET_URL，并确认可写",
        "set SHUYUAN_BLOBS_DIR or SHUYUAN_BUCKET_URL, and see that it can be written to",
    ),
)
MAIL: Final = Need(
    Area.MAIL,
    Text("邮件服务器", "mail server"),
    _mail,
    Text(
        "检查 SHUYUAN_SMTP_HOST、SHUYUAN_SMTP_PORT、SHUYUAN_SMTP_TLS 和凭据",
        "check SHUYUAN_SMTP_HOST, SHUYUAN_SMTP_PORT, SHUYUAN_SMTP_TLS and the credentials",
    ),
)
DISK: Final = Need(
    Area.DISK,
    Text("磁盘", "disk"),
    disk.look,
    Text("检查该文件系统是否仍可访问", "see whether that file system is still reached"),
)
CERTIFICATES: Final = Need(
    Area.CERTIFICATES,
    Text("证书", "certificates"),
    certificates.look,
    Text(
        "检查设置所指的证书文件和公开地址",
        "check the files that settings name, and the public address",
    ),
)
SERVICES: Final[Sequence[Need]] = (DATABASE, SCHEMA, BROKER, FILES, MAIL, DISK, CERTIFICATES)
