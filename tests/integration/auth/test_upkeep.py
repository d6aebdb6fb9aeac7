"""What ended a day ago is forgotten, what may still be presented is kept."""

from datetime import timedelta

from auth import opaque, sign_in
from auth.oauth.authorization import AuthorizationRequest, give_code
from auth.sign_in import Life
from auth.store import tokens
from auth.tables import SignIn
from auth.upkeep import forget_ended
from kernel import clock
from kernel.database import Database
from tests.support.registry import Registry


async def _remaining(database: Database, jti: str, cookie: str) -> tuple[bool, bool]:
    async with database.transaction() as session:
        found = await session.get(SignIn, opaque.digest(cookie))
        return await tokens.is_revoked(session, jti), found is not None


async def test_a_day_after_their_end_tokens_codes_and_cookies_are_forgotten(
    own_database: Database,
) -> None:
    registry, now = Registry(own_database), clock.now()
    person = await registry.person((await registry.department()).uscc)
    request = AuthorizationRequest(
        "shuyuan-cli", "http://127.0.0.1:1/callback", None, "admin", "c" * 43, {}
    )
    async with own_database.transaction() as session:
        await tokens.revoke(session, "jti", now + timedelta(seconds=60))
        life = Life(seconds=60, idle_seconds=60)
        cookie = (await sign_in.remember(session, person, life, now=now)).value
        await give_code(session, person, request, "session", "http://127.0.0.1", now)
    async with own_database.transaction() as session:
        await forget_ended(session, now + timedelta(hours=24))
    assert await _remaining(own_database, "jti", cookie) == (True, True)
    async with own_database.transaction() as session:
        await forget_ended(session, now + timedelta(hours=24, seconds=61))
    assert await _remaining(own_database, "jti", cookie) == (False, False)
