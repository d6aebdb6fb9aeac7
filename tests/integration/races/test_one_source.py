"""P1 under fire: whoever races, an element has at most one active source in a region.

The story of a fault that this finds: without the index `source_one_active` every designation
looks at its own claim only, and all of them succeed.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from sqlalchemy import text

from catalog import sources
from catalog.errors import SourceExists
from catalog.states import Decision
from kernel.database import Database
from kernel.errors import Conflict
from tests.support.catalog import NOW, PROVINCE, Bureau, Office, add_office, open_bureau

RIVALS = 50
DECIDED = (Decision.DESIGNATE, Decision.REJECT, Decision.REPLACE)


async def rivals_of(bureau: Bureau) -> list[Office]:
    async with bureau.database.transaction() as session:
        return [await add_office(session) for _ in range(RIVALS)]


async def outcomes(attempts: list[Coroutine[Any, Any, str]]) -> Counter[str]:
    """Run the attempts at once, each on its own connection; count what became of them."""
    done = await asyncio.gather(*attempts, return_exceptions=True)
    return Counter(map(_name, done))


async def withdraw(bureau: Bureau, office: Office, claim: str) -> str:
    async with bureau.database.transaction() as session:
        taken = await sources.decide(
            session, office.head, claim, Decision.WITHDRAW, reason="职责调整", now=NOW
        )
        return taken.status


def _name(outcome: str | BaseException) -> str:
    if isinstance(outcome, Conflict):
        return type(outcome).__name__
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


async def count(bureau: Bureau, status: str) -> int:
    query = text(
        "SELECT count(*) FROM catalog.source"
        " WHERE element = :element AND region_code = :region AND status = :status"
    )
    async with bureau.database.reading() as session:
        facts = {"element": bureau.element, "region": PROVINCE, "status": status}
        return int(await session.scalar(query.bindparams(**facts)))


async def test_of_fifty_claims_at_once_one_is_claimed_and_the_rest_are_contested(
    database: Database,
) -> None:
    bureau = await open_bureau(database)
    rivals = await rivals_of(bureau)
    await asyncio.gather(*(bureau.claim(office) for office in rivals))
    assert await count(bureau, "claimed") == 1
    assert await count(bureau, "contested") == RIVALS - 1


async def test_one_department_claiming_fifty_times_at_once_has_one_claim(
    database: Database,
) -> None:
    bureau = await open_bureau(database)
    found = await outcomes([bureau.claim(bureau.one) for _ in range(RIVALS)])
    assert found["ClaimExists"] == RIVALS - 1
    assert await count(bureau, "claimed") == 1


async def test_of_fifty_designations_at_once_one_wins(database: Database) -> None:
    bureau = await open_bureau(database)
    claims = [await bureau.claim(office) for office in await rivals_of(bureau)]
    found = await outcomes([bureau.decide(claim, Decision.DESIGNATE) for claim in claims])
    assert found == {"active": 1, "SourceExists": RIVALS - 1}
    assert await count(bureau, "active") == 1


async def test_one_claim_designated_fifty_times_at_once_is_designated_once(
    database: Database,
) -> None:
    bureau = await open_bureau(database)
    claim = await bureau.claim(bureau.one)
    found = await outcomes([bureau.decide(claim, Decision.DESIGNATE) for _ in range(RIVALS)])
    assert found == {"active": 1, "IllegalTransition": RIVALS - 1}


async def test_fifty_replacements_at_once_leave_one_active_source(database: Database) -> None:
    bureau = await open_bureau(database)
    await bureau.decide(await bureau.claim(bureau.one), Decision.DESIGNATE)
    claims = [await bureau.claim(office) for office in await rivals_of(bureau)]
    found = await outcomes([bureau.decide(claim, Decision.REPLACE) for claim in claims])
    assert found == {"active": RIVALS}
    assert await count(bureau, "active") == 1
    assert await count(bureau, "replaced") == RIVALS


async def test_claims_designations_replacements_and_rejections_in_a_crowd(
    database: Database,
) -> None:
    bureau = await open_bureau(database)
    claims = [await bureau.claim(office) for office in await rivals_of(bureau)]
    late = await rivals_of(bureau)
    attempts = [
        bureau.decide(claim, decision)
        for place, claim in enumerate(claims)
        for decision in (DECIDED[place % len(DECIDED)], Decision.DESIGNATE)
    ]
    await outcomes([*attempts, *(bureau.claim(office) for office in late)])
    assert await count(bureau, "active") == 1


async def test_claims_withdrawn_at_once_leave_the_last_one_claimed(database: Database) -> None:
    """However they race, whoever is left alone is not called contested."""
    bureau = await open_bureau(database)
    rivals = await rivals_of(bureau)
    claims = [(office, await bureau.claim(office)) for office in rivals]
    found = await outcomes([withdraw(bureau, *claim) for claim in claims[:-1]])
    assert found == {"withdrawn": RIVALS - 1}
    assert await count(bureau, "claimed") == 1
    assert await count(bureau, "contested") == 0


async def test_the_database_itself_refuses_a_second_active_source(database: Database) -> None:
    """The guard does not depend on any use case having looked before."""
    bureau = await open_bureau(database)
    first, second = await bureau.claim(bureau.one), await bureau.claim(bureau.two)
    await bureau.decide(first, Decision.DESIGNATE)
    found = await outcomes([bureau.decide(second, Decision.DESIGNATE)])
    assert found == {SourceExists.__name__: 1}
    query = text("SELECT indexdef FROM pg_indexes WHERE indexname = 'source_one_active'")
    async with database.reading() as session:
        definition = str(await session.scalar(query))
    assert "UNIQUE" in definition
    assert "active" in definition
