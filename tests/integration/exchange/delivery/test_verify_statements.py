"""Whatever a verify finds, it costs the same statements: their number is no oracle."""

from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import event, text

from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.lookup.budgets import Budgets, Verdict
from exchange.delivery.lookup.lookups import Lookups
from exchange.delivery.lookup.tries import Tries, Try
from exchange.latest.store import digest
from kernel.database import Database
from tests.support import sharing

LIMITS = Budgets(subjects_per_day=100, tries_per_subject=5, mismatch_percent=50)
KEEP = text("""
    INSERT INTO exchange.latest (fold_id, digest, key, place, version, value)
    SELECT id, :digest, :key, 0, 1, :value FROM exchange.fold WHERE resource_id = :resource_id
""")


async def test_absent_hidden_wrong_and_right_cost_the_same_statements(database: Database) -> None:
    world = await sharing.sharing(database)
    subscription = await sharing.subscribed(database, world)
    async with database.transaction() as session:
        facts = {"digest": digest(b"k1"), "key": b"k1", "value": b'{"id":"k1"}'}
        await session.execute(KEEP, facts | {"resource_id": world.resource_id})
    grant = SimpleNamespace(id=subscription, resource_id=world.resource_id)
    plan = cast("GrantPlan", SimpleNamespace(grant=grant, partitions=1))
    lookups, tries = Lookups(database), Tries(database, LIMITS)
    statements: list[str] = []
    # The first try of a subscription opens its window, whatever it finds.
    first = Try(world.clerk, subscription, b"first", False, "事项", b"r")
    assert await tries.take(first) is Verdict.ANSWERED

    def note(*arguments: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
        statements.append(str(arguments[2]))

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    counts = []
    try:
        for number, (key, match) in enumerate((b"k1", True) if each else (b"k9", False)
                                              for each in (1, 0, 1, 0)):  # fmt: skip
            statements.clear()
            found = await lookups.find(plan, key)
            assert (found.record is not None) is (key == b"k1")
            one = Try(world.clerk, subscription, bytes([number]), match, "事项", b"r")
            assert await tries.take(one) is Verdict.ANSWERED
            counts.append(list(statements))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert counts[0] == counts[1] == counts[2] == counts[3]
    assert counts[0]
