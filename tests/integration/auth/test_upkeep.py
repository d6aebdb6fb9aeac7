"""What ended a day ago is forgotten, what may still be presented is kept."""

from datetime import datetime, timedelta

from auth import sign_in
from auth.oauth.authorization import AuthorizationRequest, give_code
from auth.store import tokens
from auth.upkeep import forget_ended
from kernel import clock
from kernel.database import Database
from tests.support.registry import Registry


async def _remaining(database: Database, jti: str, cookie: str, now: datetime) -> tuple[bool, bool]:
    async with database.reading() as session:
        person = await sign_in.remembered(session, cookie, now=now)
        return await tokens.is_revoked(session, jti), person is not None


async def test_a_day_after_their_end_tokens_codes_and_cookies_are_forgotten(
    own_database: Database,
) -> None:
    registry, now = Registry(own_database), clock.now()
    person = await registry.person((await registry.department()).uscc)
    request = AuthorizationRequest("http://127.0.0.1:1/callback", None, "admin", "c" * 43, {})
    async with own_database.transaction() as session:
        await tokens.revoke(session, "jti", now + timedelta(seconds=60))
        cookie = await sign_in.remember(session, person, seconds=60, now=now)
        await give_code(session, person, request, "http://127.0.0.1", now)
    async with own_database.transaction() as session:
        await forget_ended(session, now + timedelta(hours=24))
    assert await _remaining(own_database, "jti", cookie, now) == (True, True)
    async with own_database.transaction() as session:
        await forget_ended(session, now + timedelta(hours=24, seconds=61))
    assert await _remaining(own_database, "jti", cookie, now) == (False, False)
