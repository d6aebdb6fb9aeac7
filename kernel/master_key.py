"""The root key, stored under the master key, and the rotation of the master key (ADR 0030)."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Final

from cryptography.fernet import InvalidToken
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from kernel import audit, clock, encrypted
from kernel.actor import Actor
from kernel.database import Database, ReadSession, WriteSession, is_passing, sqlstate
from kernel.database_access import DatabaseAccess
from kernel.encrypted import Reencrypted
from kernel.secretbox import Secretbox, root_of
from kernel.settings import Settings
from kernel.starting import refuse
from kernel.tables import BlobRow, KeptAnswer, RootKeyRow

log = logging.getLogger(__name__)

REENCRYPTED: Final = "keys.reencrypted"
SUBJECT: Final = "keys"
ENCRYPTED: Final = encrypted.of(KeptAnswer, RootKeyRow, BlobRow)
ASK_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.5
# SQLSTATE
UNDEFINED_TABLE: Final = "42P01"


class MasterKeyUnknown(ValueError):
    """The settings name no master key that reads the root key of this platform."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"SHUYUAN_MASTER_KEY, SHUYUAN_OTHER_MASTER_KEYS: {reason}")


def sealed_box(settings: Settings) -> Secretbox:
    """Return a box that does not know the root key yet.

    Raises ValueError and OSError where the settings hold no key.
    """
    return Secretbox.without_root(settings.master_key_bytes(), settings.other_master_key_bytes())


async def open_box(session: WriteSession, settings: Settings) -> Secretbox:
    """Return the box of this platform, whose root key the first call makes.

    Raises MasterKeyUnknown; ValueError and OSError where the settings hold no key.
    """
    box = sealed_box(settings)
    box.learn(await _root(session, box, settings))
    return box


class RootKey:
    """Tells a box of the root key as soon as the database answers."""

    def __init__(self, database: Database, box: Secretbox, settings: Settings) -> None:
        self._database = database
        self._box = box
        self._settings = settings
        self._level = logging.WARNING

    async def run(self) -> None:
        """Ask until the database has answered, then rest; raises MasterKeyUnknown."""
        while not self._box.knows_root:
            await self.ask()
            await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.Event().wait()

    async def ask(self) -> None:
        """Ask once, for ASK_SECONDS at most; a database that is away is asked again later."""
        try:
            async with asyncio.timeout(ASK_SECONDS), self._database.transaction() as session:
                root = await _root(session, self._box, self._settings)
        except Exception as error:
            if not (isinstance(error, TimeoutError) or is_passing(error)):
                raise
            log.log(self._level, "the root key waits for the database: %r", error)
            self._level = logging.DEBUG
        else:
            # Not before the commit: a root key that was just made may be lost with it.
            self._box.learn(root)


async def _root(session: WriteSession, box: Secretbox, settings: Settings) -> bytes:
    stored = await _stored(session)
    if stored is None:
        await _make(session, settings)
        stored = await _stored(session)
    try:
        return box.decrypt(stored or b"")
    except InvalidToken as error:
        raise MasterKeyUnknown(
            "none of these master keys reads the root key of this database; name the one that it "
            "was used with (docs/how-to/rotate-the-master-key.md)"
        ) from error


async def _make(session: WriteSession, settings: Settings) -> None:
    if settings.other_master_key_bytes():
        raise MasterKeyUnknown(
            "the database holds no root key yet; start once with the one master key that it "
            "was used with until now, and rotate afterwards"
        )
    master = settings.master_key_bytes()
    sealed = Secretbox(master).encrypt(root_of(master))
    row = insert(RootKeyRow).values(id=1, sealed=sealed, created_at=clock.now())
    await session.execute(row.on_conflict_do_nothing())


def require_master_key(settings: Settings) -> None:
    """Exit with UNFIT where no master key of the settings reads the root key.

    A database that is away, or busy, is none of it: the process starts, and waits for it.
    """
    try:
        asyncio.run(_try(settings))
    except MasterKeyUnknown as error:
        refuse([str(error)])
    except Exception as error:
        if sqlstate(error) == UNDEFINED_TABLE:
            refuse(["PostgreSQL: 请先执行 / first run: python -m deploy.migrations upgrade"])
        if not is_passing(error):
            raise


async def _try(settings: Settings) -> None:
    database = Database(DatabaseAccess.of(settings), pool_size=1)
    try:
        async with database.transaction() as session:
            await open_box(session, settings)
    finally:
        await database.close()


async def reencrypt(
    database: Database, box: Secretbox, actor: Actor, columns: Iterable[Column[Any]]
) -> Reencrypted:
    """Encrypt columns under the master key that writes; safe to interrupt and to repeat."""
    told = await encrypted.reencrypt(database, box, columns)
    if told.done:
        async with database.transaction() as session:
            audit.record(session, actor, REENCRYPTED, SUBJECT, box.key_id, values=told.done)
    return told


async def _stored(session: ReadSession) -> bytes | None:
    return (await session.exec(select(col(RootKeyRow.sealed)))).first()
