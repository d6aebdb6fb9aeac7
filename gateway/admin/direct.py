"""What the command line does in the database itself, when no gateway need be running."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from auth import bootstrap, keys, opaque, passwords
from auth.bootstrap import FirstPerson, Restored
from auth.departments import NewDepartment
from auth.principal import Role
from catalog import recovery
from catalog.national import loading
from catalog.national.loading import Loaded
from exchange.delivery.push import endpoints
from exchange.evidence_comparison import Finding, compare
from exchange.log.access import Access
from exchange.log.chunk_cache import CACHE_BYTES, ChunkCache
from exchange.log.connection import Connection
from exchange.log.landmarks import LandmarkLog
from exchange.log.reader import Reader
from exchange.log.topics import TopicPolicy, Topics
from exchange.notices import wishes
from exchange.publishing import quarantine
from exchange.restoration.declare import Declaration, declare, lost_events, require_restored
from exchange.services import register as services
from kernel import audit_archive, clock, generation, landmark, master_key, outbox
from kernel.actor import SYSTEM
from kernel.audit_archive import Archived
from kernel.audit_check import Verdict
from kernel.database import AWAY, Database, WriteSession
from kernel.database_access import DatabaseAccess, trouble_of
from kernel.encrypted import Reencrypted
from kernel.errors import Invalid, NotFound
from kernel.secretbox import Secretbox
from kernel.settings import Settings, load
from kernel.starting import faults_of
from shuyuan_client.failures import Failure, Unreachable

Result = TypeVar("Result")
# Every column of type `Encrypted`, whoever owns it.
ENCRYPTED = (
    *keys.ENCRYPTED,
    *quarantine.ENCRYPTED,
    *endpoints.ENCRYPTED,
    *services.ENCRYPTED,
    *wishes.ENCRYPTED,
    *master_key.ENCRYPTED,
)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Do the work; raises Unreachable when the database does not answer as it should."""
    try:
        return asyncio.run(work)
    except (SQLAlchemyError, *AWAY) as error:
        told = trouble_of(error) or str(getattr(error, "orig", None) or error).strip()
        reason = (told or repr(error)).splitlines()[0]
        raise Unreachable(
            f"数据库未能应答：{reason}；请检查 SHUYUAN_DATABASE_URL，"
            "并确认数据库已启动、结构已迁移。",
            f"The database did not answer: {reason}; check SHUYUAN_DATABASE_URL, that it runs "
            "and that it is migrated.",
        ) from error


async def create_first_people(department: NewDepartment) -> tuple[FirstPerson, ...]:
    first = await bootstrap.first_people(department.uscc)
    new = [person for _, person in first]
    async with _database(_settings()) as database, database.transaction() as session:
        await bootstrap.bootstrap(session, department, new, now=clock.now())
        await loading.load(session, now=clock.now())
    return tuple(shown for shown, _ in first)


async def load_standards() -> Loaded:
    """Add the national standards and code lists that are missing."""
    async with _database(_settings()) as database, database.transaction() as session:
        return await loading.load(session, now=clock.now())


async def restore_access(username: str, role: Role, department: str | None) -> str:
    """Return the temporary password; raises Failure for nobody, and for roles that exclude it."""
    password = opaque.new()
    wanted = Restored(username, role, department, await passwords.digest(password))
    try:
        async with _database(_settings()) as database, database.transaction() as session:
            await bootstrap.restore_access(session, wanted, now=clock.now())
    except NotFound as error:
        raise Failure(
            f"没有用户 {username}，也未指明已登记的部门；请用 --department 指明。",
            f"There is no {username}, and no registered department is named: use --department.",
        ) from error
    except Invalid as error:
        raise Failure(
            f"{username} 已有与 {role} 不相容的角色；请改用其他用户名。",
            f"{username} holds a role that excludes {role}; take another username.",
        ) from error
    return password


async def verify_audit(archives: Sequence[Path]) -> Verdict:
    """Verify the log, and the archives before it; raises ArchiveUnreadable, OSError."""
    async with _database(_settings()) as database, database.snapshot() as session:
        return await audit_archive.verify(session, archives)


async def archive_audit(path: Path, before: int | None) -> Archived:
    """Raise NothingToArchive, AuditBroken, OSError."""
    async with _database(_settings()) as database:
        return await audit_archive.archive(database, path, before=before, now=clock.now())


async def compare_audit(since: datetime | None, until: datetime | None) -> list[Finding]:
    """Raise BrokerUnavailable when the log cannot be read."""
    settings = _settings()
    connection = Connection(Access.of(settings), "audit")
    try:
        async with _database(settings) as database, database.snapshot() as session:
            reader = Reader(connection, ChunkCache(CACHE_BYTES))
            return await compare(session, reader, since, until)
    finally:
        await connection.close()


async def rotate_keys(*, at_once: bool) -> str:
    """Return the id of the new key."""
    settings = _settings()
    async with _database(settings) as database, database.transaction() as session:
        return await _replace_keys(session, settings, at_once=at_once)


async def _replace_keys(session: WriteSession, settings: Settings, *, at_once: bool) -> str:
    box = await _box(session, settings)
    seconds = settings.access_token_seconds
    return await keys.rotate(session, box, SYSTEM, token_seconds=seconds, at_once=at_once)


async def reencrypt() -> Reencrypted:
    """Encrypt everything that is stored encrypted under the master key that writes."""
    settings = _settings()
    async with _database(settings) as database:
        async with database.transaction() as session:
            box = await _box(session, settings)
        return await master_key.reencrypt(database, box, SYSTEM, ENCRYPTED)


async def declare_restored(
    reason: str, restored_to: datetime | None, *, anyway: bool = False
) -> Declaration:
    """Declare a restore; raises BrokerUnavailable when the log cannot be read, NotRestored.

    The log is told how far the database is from now on, whatever others wrote there.
    """
    settings = _settings()
    connection = Connection(Access.of(settings), "restore")
    try:
        async with _database(settings) as database:
            reader = Reader(connection, ChunkCache(CACHE_BYTES))
            async with database.reading() as session:
                known_until = await outbox.last_id(session)
                since = restored_to or (await generation.current(session)).declared_at
            async with _landmarks(settings, database, connection, reader) as landmarks:
                await require_restored(database, landmarks, anyway=anyway)
                lost = await lost_events(reader, known_until, since)
                async with database.transaction() as session:
                    # A key that leaked and was replaced in the forgotten time would sign again.
                    await _replace_keys(session, settings, at_once=True)
                    done = await declare(
                        session, lost, reason, restored_to=restored_to, now=clock.now()
                    )
                    reached = await landmark.advance(session)
                await landmarks.append(reached)
                return done
    finally:
        await connection.close()


@asynccontextmanager
async def _landmarks(
    settings: Settings, database: Database, connection: Connection, reader: Reader
) -> AsyncIterator[LandmarkLog]:
    async with database.reading() as session:
        platform = await landmark.platform(session)
    topics = Topics(connection, TopicPolicy.of(settings))
    log = LandmarkLog(Access.of(settings), topics, reader, platform)
    try:
        yield log
    finally:
        await log.close()


async def pass_version(resource_id: str, number: int, reason: str) -> None:
    """Raise NotFound for no such resource, VersionKnown."""
    async with _database(_settings()) as database, database.transaction() as session:
        await recovery.pass_version(session, resource_id, number, reason, now=clock.now())


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(_place(settings), pool_size=2)
    try:
        yield database
    finally:
        await database.close()


def _settings() -> Settings:
    try:
        return load()
    except ValidationError as error:
        raise _unusable("; ".join(faults_of(error))) from error


def _place(settings: Settings) -> DatabaseAccess:
    try:
        return DatabaseAccess.of(settings)
    except ValueError as error:
        raise _unusable(str(error)) from error


def _unusable(faults: str) -> Failure:
    return Failure(
        f"设置不正确：{faults}；请更正后重试。",
        f"A setting cannot be used: {faults}; correct it, then retry.",
    )


async def _box(session: WriteSession, settings: Settings) -> Secretbox:
    try:
        return await master_key.open_box(session, settings)
    except (ValueError, OSError) as error:
        raise Failure(
            f"主密钥不可用：{error}；请设置 SHUYUAN_MASTER_KEY 或 SHUYUAN_MASTER_KEY_FILE。",
            f"No master key: {error}; set SHUYUAN_MASTER_KEY or SHUYUAN_MASTER_KEY_FILE.",
        ) from error
