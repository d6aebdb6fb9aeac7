"""The verifier believes nothing for longer than it may: every change acts within a second."""

import asyncio
import json
import time
from base64 import urlsafe_b64encode

import pytest

from auth import clients, departments, people, revocations
from auth.clients import Rotation
from auth.errors import TokenExpired, TokenInvalid, TokenRevoked
from auth.people import PersonChange
from auth.principal import Role, Scope
from auth.store import standings
from auth.tables import Client
from auth.tokens import TokenVerifier
from kernel import clock
from kernel.actor import SYSTEM
from kernel.changes import ChangeFeed, announce
from kernel.database import Database, ReadSession
from kernel.errors import Unavailable
from kernel.settings import Settings
from tests.support.eventually import eventually
from tests.support.registry import OPERATOR, SECURITY, Registry, token_of, verifying

Ear = tuple[TokenVerifier, ChangeFeed]
WITHIN = 1.0


async def _client(registry: Registry, *scopes: Scope) -> Client:
    department = await registry.department()
    return (await registry.client(department.uscc, *scopes)).client


async def _refused_within_a_second(verifier: TokenVerifier, token: bytes) -> None:
    async def refused() -> bool:
        try:
            await verifier.verify(token)
        except TokenRevoked:
            return True
        return False

    await eventually(refused, within_seconds=WITHIN)


async def test_a_verified_token_is_at_hand_the_next_time(
    verifier: TokenVerifier, registry: Registry
) -> None:
    client = await _client(registry)
    token = (await token_of(verifier, client)).text.encode()
    assert verifier.cached(token) is None
    principal = await verifier.verify(token)
    assert verifier.cached(token) is principal
    assert (principal.kind, principal.id) == ("client", client.client_id)
    assert principal.department == client.department


async def test_scopes_are_those_of_the_token_and_of_the_client_alike(
    verifier: TokenVerifier, registry: Registry
) -> None:
    client = await _client(registry, Scope.RECORDS_READ, Scope.RECORDS_PUBLISH)
    signed = await token_of(verifier, client, scope="records:read catalog:read")
    assert (await verifier.verify(signed.text.encode())).scopes == {"records:read"}


async def test_a_token_ends_with_its_time_in_the_cache_too(
    verifier: TokenVerifier, registry: Registry
) -> None:
    token = (await token_of(verifier, await _client(registry), seconds=2)).text.encode()
    await verifier.verify(token)
    await asyncio.sleep(2.1)
    with pytest.raises(TokenExpired):
        verifier.cached(token)
    with pytest.raises(TokenExpired):
        await verifier.verify(token)


async def test_a_revoked_token_is_refused_within_a_second(
    verifier: TokenVerifier, registry: Registry, database: Database
) -> None:
    signed = await token_of(verifier, await _client(registry))
    token = signed.text.encode()
    await verifier.verify(token)
    async with database.transaction() as session:
        await revocations.revoke(session, SYSTEM, signed.jti, signed.expires_at)
    await _refused_within_a_second(verifier, token)
    with pytest.raises(TokenRevoked):
        verifier.cached(token)


async def test_a_worker_that_starts_later_knows_what_was_revoked(
    verifier: TokenVerifier, registry: Registry, database: Database, parsed: Settings
) -> None:
    signed = await token_of(verifier, await _client(registry))
    async with database.transaction() as session:
        await revocations.revoke(session, SYSTEM, signed.jti, signed.expires_at)
    async with verifying(database, parsed) as (later, _):
        with pytest.raises(TokenRevoked):
            await later.verify(signed.text.encode())


async def test_a_rolled_back_revocation_revokes_nothing(
    verifier: TokenVerifier, registry: Registry, database: Database
) -> None:
    signed = await token_of(verifier, await _client(registry))

    async def broken() -> None:
        async with database.transaction() as session:
            await revocations.revoke(session, SYSTEM, signed.jti, signed.expires_at)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    await asyncio.sleep(0.3)
    assert (await verifier.verify(signed.text.encode())).token_id == signed.jti


async def test_a_suspended_clients_tokens_end_for_ever(
    verifier: TokenVerifier, registry: Registry, database: Database
) -> None:
    client = await _client(registry)
    token = (await token_of(verifier, client)).text.encode()
    await verifier.verify(token)
    async with database.transaction() as session:
        await clients.suspend(session, SECURITY, client.client_id, reason=None)
    await _refused_within_a_second(verifier, token)
    async with database.transaction() as session:
        resumed = await clients.resume(session, SECURITY, client.client_id)
    fresh = (await token_of(verifier, resumed)).text.encode()

    async def accepted() -> bool:
        try:
            return bool(await verifier.verify(fresh))
        except TokenRevoked:
            return False

    await eventually(accepted, within_seconds=WITHIN)
    with pytest.raises(TokenRevoked):
        await verifier.verify(token)


async def test_a_rotation_ends_tokens_only_when_asked_to(
    verifier: TokenVerifier, registry: Registry, database: Database
) -> None:
    client = await _client(registry)
    token = (await token_of(verifier, client)).text.encode()
    for revoke_tokens in (False, True):
        await verifier.verify(token)
        async with database.transaction() as session:
            rotation = Rotation(revoke_tokens=revoke_tokens)
            await clients.rotate(session, SECURITY, client.client_id, rotation, now=clock.now())
    await _refused_within_a_second(verifier, token)


async def test_new_roles_act_within_a_second(
    verifier: TokenVerifier, registry: Registry, database: Database
) -> None:
    department = await registry.department()
    person = await registry.person(department.uscc, Role.CLERK)
    token = (await token_of(verifier, person)).text.encode()
    assert (await verifier.verify(token)).roles == {Role.CLERK}
    async with database.transaction() as session:
        wanted = PersonChange(roles=frozenset({Role.HEAD}))
        await people.change(session, SECURITY, person.id, person.revision, wanted)

    async def acts() -> bool:
        return (await verifier.verify(token)).roles == {Role.HEAD}

    await eventually(acts, within_seconds=WITHIN)


async def test_a_suspended_persons_tokens_end(
    verifier: TokenVerifier, registry: Registry, database: Database
) -> None:
    person = await registry.person((await registry.department()).uscc)
    token = (await token_of(verifier, person)).text.encode()
    await verifier.verify(token)
    async with database.transaction() as session:
        wanted = PersonChange(status="suspended")
        await people.change(session, SECURITY, person.id, person.revision, wanted)
    await _refused_within_a_second(verifier, token)


async def test_a_departments_authority_and_region_are_the_present_ones(
    verifier: TokenVerifier, registry: Registry, database: Database
) -> None:
    department = await registry.department()
    person = await registry.person(department.uscc, Role.AUTHORITY)
    token = (await token_of(verifier, person)).text.encode()
    assert not (await verifier.verify(token)).is_authority
    async with database.transaction() as session:
        values = {"authority": True, "region_code": "450100"}
        await departments.change(session, OPERATOR, department.uscc, 1, values, now=clock.now())

    async def present() -> bool:
        principal = await verifier.verify(token)
        return principal.is_authority and principal.region_code == "450100"

    await eventually(present, within_seconds=WITHIN)


async def test_nobody_acts_for_an_abolished_department(
    verifier: TokenVerifier, registry: Registry, database: Database
) -> None:
    department = await registry.department()
    token = (await token_of(verifier, await registry.person(department.uscc))).text.encode()
    await verifier.verify(token)
    async with database.transaction() as session:
        await departments.change(
            session, OPERATOR, department.uscc, 1, {"status": "abolished"}, now=clock.now()
        )
    await _refused_within_a_second(verifier, token)


async def test_what_was_read_before_a_change_is_not_believed_after_it(
    verifier: TokenVerifier,
    registry: Registry,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A read that began before a suspension ends after its news came: it must not be kept."""
    client = await _client(registry)
    token = (await token_of(verifier, client)).text.encode()
    read, reads, news = standings.get, asyncio.Event(), asyncio.Event()

    async def slow(session: ReadSession, kind: str, subject: str) -> object:
        found = await read(session, kind, subject)  # type: ignore[arg-type]
        if not reads.is_set():
            reads.set()
            await news.wait()
        return found

    monkeypatch.setattr(standings, "get", slow)
    verification = asyncio.create_task(verifier.verify(token))
    await reads.wait()
    async with database.transaction() as session:
        await clients.suspend(session, SECURITY, client.client_id, reason=None)
    await asyncio.sleep(0.3)
    news.set()
    with pytest.raises(TokenRevoked):
        await verification


async def test_many_first_requests_read_the_client_once(
    verifier: TokenVerifier, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await _client(registry)
    tokens = [(await token_of(verifier, client)).text.encode() for _ in range(20)]
    read, count = standings.get, 0

    async def counted(session: ReadSession, kind: str, subject: str) -> object:
        nonlocal count
        count += 1
        return await read(session, kind, subject)  # type: ignore[arg-type]

    monkeypatch.setattr(standings, "get", counted)
    await asyncio.gather(*(verifier.verify(token) for token in tokens))
    assert count == 1


async def test_while_changes_may_be_missed_the_database_itself_is_asked(
    ear: Ear, registry: Registry, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier, feed = ear
    client = await _client(registry)
    signed = await token_of(verifier, client)
    token = signed.text.encode()
    await verifier.verify(token)
    monkeypatch.setattr(feed, "_received", lambda *_: None)
    monkeypatch.setattr(type(feed), "fresh", property(lambda _: False))
    feed.fresh_until = 0.0
    monkeypatch.setattr(feed, "_beat", lambda _: asyncio.sleep(0))
    assert verifier.cached(token) is None
    assert (await verifier.verify(token)).id == client.client_id
    async with database.transaction() as session:
        await revocations.revoke(session, SYSTEM, signed.jti, signed.expires_at)
    with pytest.raises(TokenRevoked):
        await verifier.verify(token)


async def test_a_lost_change_feed_makes_everything_be_read_again(
    ear: Ear, registry: Registry, database: Database
) -> None:
    verifier, feed = ear
    client = await _client(registry)
    token = (await token_of(verifier, client)).text.encode()
    await verifier.verify(token)
    life = feed.life
    feed.renew()
    async with database.transaction() as session:
        await clients.suspend(session, SECURITY, client.client_id, reason=None)
    await eventually(lambda: feed.life not in (None, life) and feed.fresh)
    with pytest.raises(TokenRevoked):
        await verifier.verify(token)


async def test_without_a_database_the_answer_is_not_now(
    own_database: Database, own_settings: Settings
) -> None:
    async with verifying(own_database, own_settings) as (verifier, feed):
        registry = Registry(own_database)
        client = await _client(registry)
        token = (await token_of(verifier, client)).text.encode()
        await verifier.verify(token)
        gone = own_database.url.replace(own_database.url.rsplit("/", 1)[1], "nowhere")
        feed._place = gone
        verifier._database = verifier.keys._database = Database(gone)
        feed.renew()
        await eventually(lambda: not feed.fresh)
        with pytest.raises(Unavailable):
            await verifier.verify(token)


async def test_a_token_of_nobody_is_refused(verifier: TokenVerifier, registry: Registry) -> None:
    client = await _client(registry)
    stranger = Client(**{**client.model_dump(), "client_id": "nobody"})
    with pytest.raises(TokenRevoked):
        await verifier.verify((await token_of(verifier, stranger)).text.encode())


async def test_unknown_keys_do_not_keep_the_database_busy(
    verifier: TokenVerifier, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = (await token_of(verifier, await _client(registry))).text.encode()
    loads = 0
    load = type(verifier.keys)._load

    async def counted(keys: object) -> None:
        nonlocal loads
        loads += 1
        await load(keys)  # type: ignore[arg-type]

    monkeypatch.setattr(type(verifier.keys), "_load", counted)
    for number in range(50):
        header = {"alg": "ES256", "typ": "at+jwt", "kid": f"k{number}"}
        forged = urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=")
        with pytest.raises(TokenInvalid):
            await verifier.verify(forged + real[real.index(b".") :])
    assert loads <= 1


async def test_memory_of_tokens_is_bounded(
    verifier: TokenVerifier, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth.tokens.TOKENS_MAX", 10)
    client = await _client(registry)
    tokens = [(await token_of(verifier, client)).text.encode() for _ in range(15)]
    for token in tokens:
        await verifier.verify(token)
    assert len(verifier._tokens) == 10
    assert verifier.cached(tokens[-1]) is not None
    assert verifier.cached(tokens[0]) is None


async def test_the_revoked_are_forgotten_when_they_have_ended(
    verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth.revocations.PRUNED_AT", 10)
    revoked = verifier._revocations
    revoked._prune_at = 10
    lives = time.time() + 600
    for number in range(30):
        revoked.add(f"old{number} {time.time() - 1}")
    revoked.add(f"new {lives}")
    assert len(revoked.ended) < 12
    assert revoked.ended["new"] == lives


async def test_other_peoples_news_leave_a_token_at_hand(
    verifier: TokenVerifier, registry: Registry, database: Database
) -> None:
    token = (await token_of(verifier, await _client(registry))).text.encode()
    await verifier.verify(token)
    async with database.transaction() as session:
        for kind in ("client", "person", "department", "subscription"):
            await announce(session, kind, "somebody else")
    await asyncio.sleep(0.3)
    assert verifier.cached(token) is not None
