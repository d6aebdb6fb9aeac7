"""Departments, people and clients straight into the tables, and verifiers that run in a test."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from auth import clients, departments, people
from auth.browsers import Browsers
from auth.clients import Credentialed, NewClient
from auth.departments import NewDepartment
from auth.issuing import AccessToken, TokenGrant, sign
from auth.people import NewPerson
from auth.principal import Principal, Role, Scope
from auth.sign_in import Gate, Life
from auth.tables import Client, Department, Person
from auth.tokens import TokenVerifier
from kernel import clock
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from kernel.tasks import Loops
from tests.support.eventually import eventually
from tests.support.identity import new_uscc

PASSWORD = "correct horse battery"


def acting(
    *roles: Role, department: str = "-", person_id: str = "test", region_code: str = "450000"
) -> Principal:
    """Return a caller who holds the roles."""
    return Principal(
        kind="person",
        id=person_id,
        department=department,
        region_code=region_code,
        is_authority=False,
        roles=frozenset(roles),
        scopes=frozenset(Scope),
        token_id="test",
        expires_at=4e9,
    )


LIFE = Life(seconds=600, idle_seconds=600)
OPERATOR = acting(Role.OPERATOR)
SECURITY = acting(Role.SECURITY)


@dataclass(frozen=True)
class Registry:
    """Makes what a test needs through the use cases."""

    database: Database

    async def department(self, *, region_code: str = "450000") -> Department:
        new = NewDepartment(new_uscc(region_code), f"测试厅{secrets.token_hex(4)}", region_code)
        async with self.database.transaction() as session:
            return await departments.register(session, OPERATOR, new, now=clock.now())

    async def person(self, department: str, *roles: Role) -> Person:
        name = f"p{secrets.token_hex(6)}"
        new = NewPerson(name, "韦某", department, frozenset(roles), PASSWORD)
        prepared = await people.prepared(new)
        async with self.database.transaction() as session:
            return await people.register(session, SECURITY, prepared, now=clock.now())

    async def client(self, department: str, *scopes: Scope) -> Credentialed:
        wanted = frozenset(scopes or [Scope.RECORDS_READ, Scope.CATALOG_READ])
        new = NewClient("测试系统", department, wanted, "client_secret_basic")
        async with self.database.transaction() as session:
            return await clients.register(session, SECURITY, new, now=clock.now())


def gate_of(database: Database, settings: Settings, *, names_max: int = 1000) -> Gate:
    """What checks passwords, as a gateway worker has it."""
    browsers = Browsers(Secretbox(settings.master_key_bytes()))
    return Gate(database, browsers, names_max)


@asynccontextmanager
async def verifying(
    database: Database, settings: Settings
) -> AsyncIterator[tuple[TokenVerifier, ChangeFeed]]:
    """A verifier as one gateway worker has it, with its own change feed running."""
    feed = ChangeFeed(database.url, stale_seconds=settings.rules_stale_seconds)
    box = Secretbox(settings.master_key_bytes())
    verifier = TokenVerifier(database, feed, box, settings)
    loops = Loops()
    loops.start("changes", feed.run)
    try:
        await eventually(lambda: feed.fresh)
        yield verifier, feed
    finally:
        await loops.close()


async def token_of(
    verifier: TokenVerifier, subject: Person | Client, *, seconds: int = 600, scope: str = ""
) -> AccessToken:
    """Sign a token as the token endpoint would."""
    grant = TokenGrant(
        subject.id if isinstance(subject, Person) else subject.client_id,
        "shuyuan-cli" if isinstance(subject, Person) else subject.client_id,
        subject.department,
        scope or "records:read catalog:read admin",
        subject.generation,
    )
    key = await verifier.keys.signing()
    return sign(key, verifier.issuer, grant, seconds=seconds, now=clock.now())
