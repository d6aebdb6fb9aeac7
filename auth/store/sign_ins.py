"""SQL of browsers that people signed in with, and of failed sign-ins."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, update

from auth.tables import Department, Person, SignIn, SignInFailures
from auth.throttle import FORGET_AFTER
from kernel.database import ReadSession, WriteSession

# More browsers than anybody has.
OWN_MAX = 100


async def add(session: WriteSession, sign_in: SignIn) -> None:
    session.add(sign_in)
    await session.flush()


async def person_of(
    session: ReadSession, digest: bytes, now: datetime, idle: timedelta
) -> tuple[SignIn, Person] | None:
    """Return who signed in with the cookie, unless that ended since or nobody used it."""
    query = select(SignIn, Person).join(Person, col(SignIn.person_id) == col(Person.id))
    query = query.join(Department, col(Department.uscc) == col(Person.department))
    query = query.where(
        col(SignIn.digest) == digest,
        col(SignIn.expires_at) > now,
        col(SignIn.used_at) > now - idle,
        col(SignIn.generation) == col(Person.generation),
        col(Person.status) == "active",
        col(Department.status) == "active",
    )
    found = (await session.exec(query)).first()
    return None if found is None else (found[0], found[1])


async def use(session: WriteSession, digest: bytes, now: datetime) -> None:
    await session.execute(update(SignIn).where(col(SignIn.digest) == digest).values(used_at=now))


async def remove(session: WriteSession, digest: bytes) -> None:
    await session.execute(delete(SignIn).where(col(SignIn.digest) == digest))


async def of_person(
    session: ReadSession, person_id: str, now: datetime, idle: timedelta
) -> Sequence[SignIn]:
    """Return the person's sign-ins that have not ended, the last used first."""
    query = select(SignIn).join(Person, col(SignIn.person_id) == col(Person.id))
    query = query.where(
        col(SignIn.person_id) == person_id,
        col(SignIn.expires_at) > now,
        col(SignIn.used_at) > now - idle,
        col(SignIn.generation) == col(Person.generation),
    )
    return (await session.exec(query.order_by(col(SignIn.used_at).desc()).limit(OWN_MAX))).all()


async def remove_of(session: WriteSession, person_id: str, *, but: bytes = b"") -> None:
    """End the person's sign-ins, but for the one that is named by its digest."""
    mine = col(SignIn.person_id) == person_id
    await session.execute(delete(SignIn).where(mine, col(SignIn.digest) != but))


async def failures(session: ReadSession, digest: bytes) -> SignInFailures | None:
    return await session.get(SignInFailures, digest)


async def count_failure(session: WriteSession, digest: bytes, now: datetime) -> int:
    """Add a failure to those of the last hour; return how many they are."""
    first = insert(SignInFailures).values(digest=digest, failures=1, last_at=now)
    again = {"failures": SignInFailures.failures + 1, "last_at": now}
    await forget_failures(session, now)
    counted = first.on_conflict_do_update(index_elements=["digest"], set_=again)
    returned = await session.execute(counted.returning(col(SignInFailures.failures)))
    return int(returned.scalar_one())


async def clear_failures(session: WriteSession, digest: bytes) -> None:
    await session.execute(delete(SignInFailures).where(col(SignInFailures.digest) == digest))


async def forget_failures(session: WriteSession, now: datetime) -> None:
    await session.execute(
        delete(SignInFailures).where(col(SignInFailures.last_at) < now - FORGET_AFTER)
    )


async def forget_ended(session: WriteSession, before: datetime) -> None:
    await session.execute(delete(SignIn).where(col(SignIn.expires_at) < before))
