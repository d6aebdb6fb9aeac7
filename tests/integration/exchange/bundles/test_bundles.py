"""One form for many resources and systems: an application each (Order 809 Art 20)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, Insert, event
from sqlmodel import col, func, select

from auth.errors import FourEyes, RoleRequired
from deploy.local.stack import Endpoints
from exchange.applications.tables import Application
from exchange.bundles import drafting, register, signing
from exchange.bundles.drafting import Form
from exchange.bundles.register import Bundle
from exchange.bundles.states import Status
from exchange.subscriptions.tables import Subscription
from kernel.audit import CHAINED_AT_ONCE
from kernel.database import Database
from kernel.errors import IllegalTransition, Invalid, NotFound
from kernel.paging import PageRequest
from tests.support.databases import own_database
from tests.support.sharing import NOW, Sharing, resource_of, sharing


@pytest.fixture(scope="module")
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, pool_size=30) as opened:
        yield opened


def form(world: Sharing, *resource_ids: str, **changes: object) -> Form:
    """A line of the usual content for each resource."""
    content = replace(world.content(), **changes)  # type: ignore[arg-type]
    return Form(
        title="一件事",
        basis=content.basis,
        scenario=content.scenario,
        scope=content.scope,
        valid_until=content.valid_until,
        lines=[(resource_id, content) for resource_id in resource_ids],
    )


async def drafted(database: Database, world: Sharing, asked: Form, *, skip: bool = False) -> Bundle:
    async with database.transaction() as session:
        return await drafting.create(session, world.clerk, asked, skip_invalid=skip, now=NOW)


async def lines_of(database: Database, bundle: Bundle) -> list[str]:
    async with database.reading() as session:
        rows = await register.lines(session, bundle.id)
        return [register.line_status(line, application) for line, application in rows]


async def applications_of(database: Database, world: Sharing) -> int:
    async with database.reading() as session:
        query = select(func.count()).where(col(Application.consumer_department) == world.consumer)
        return (await session.exec(query)).one()


async def test_a_bundle_of_three_is_signed_and_goes_its_own_ways(database: Database) -> None:
    world = await sharing(database)
    second = await resource_of(database, world.provider)
    open_one = await resource_of(database, world.provider, share_type="unconditional")
    bundle = await drafted(database, world, form(world, world.resource_id, second, open_one))
    assert await lines_of(database, bundle) == ["draft"] * 3
    async with database.transaction() as session:
        await signing.sign(session, world.head, bundle.id, now=NOW)
    assert await lines_of(database, bundle) == ["submitted"] * 3
    async with database.transaction() as session:
        with pytest.raises(IllegalTransition):
            await signing.sign(session, world.head, bundle.id, now=NOW)
    async with database.reading() as session:
        found = await register.page(session, world.clerk, PageRequest(), status=Status.OPEN)
        assert [each.id for each in found.items] == [bundle.id]
        summary = (await register.summaries(session, world.clerk, found.items))[bundle.id]
    assert (summary.status, dict(summary.lines)) == (Status.OPEN, {"submitted": 3})
    assert [*summary.allowed] == ["withdraw"]
    async with database.transaction() as session:
        await signing.withdraw(session, world.clerk, bundle.id, reason="r", now=NOW)
    async with database.reading() as session:
        done = await register.page(session, world.clerk, PageRequest(), status=Status.DONE)
        assert [each.id for each in done.items] == [bundle.id]
        assert not (
            await register.page(session, world.clerk, PageRequest(), status=Status.OPEN)
        ).items


async def test_a_line_that_cannot_be_is_named_and_nothing_is_made(database: Database) -> None:
    world = await sharing(database)
    good = world.content()
    lines = [
        (world.resource_id, good),
        ("missing", good),
        (world.resource_id, replace(good, items=("id", "nothing"))),
        (world.resource_id, replace(good, client_id="nobody")),
    ]
    asked = replace(form(world), lines=lines)
    with pytest.raises(Invalid) as refused:
        await drafted(database, world, asked)
    named = [(error.path, error.code) for error in refused.value.errors]
    assert named[0] == ("lines[1]", "not_found")
    assert ("lines[2].items[1]", "unknown_item") in named
    assert ("lines[3]", "not_found") in named
    assert await applications_of(database, world) == 0
    bundle = await drafted(database, world, asked, skip=True)
    assert [(each["line"], each["problem"]["code"]) for each in bundle.skipped] == [
        (1, "not_found"),
        (2, "validation_failed"),
        (3, "not_found"),
    ]
    assert await lines_of(database, bundle) == ["draft"]
    with pytest.raises(Invalid):
        await drafted(database, world, replace(asked, lines=lines[1:]), skip=True)


async def test_what_is_not_possible_any_more_is_not_signed(database: Database) -> None:
    world = await sharing(database)
    ends = NOW.date() + timedelta(days=2)
    bundle = await drafted(
        database, world, form(world, world.resource_id, world.resource_id, valid_until=ends)
    )
    async with database.transaction() as session:
        [first, _second] = await register.lines(session, bundle.id)
        longer = {"valid_until": NOW.date() + timedelta(days=300)}
        for name, value in longer.items():
            setattr(first[1], name, value)
        session.add(first[1])
    async with database.transaction() as session:
        later = NOW + timedelta(days=10)
        await signing.sign(session, world.head, bundle.id, now=later)
    assert await lines_of(database, bundle) == ["submitted", "not_signed"]
    async with database.reading() as session:
        [_first, (line, _application)] = await register.lines(session, bundle.id)
    assert line.problem is not None
    assert line.problem["errors"][0]["path"] == "valid_until"


async def test_only_the_own_people_act_and_see(database: Database) -> None:
    world = await sharing(database)
    bundle = await drafted(database, world, form(world, world.resource_id))
    for stranger in (world.provider_head, world.overseer, world.outsider):
        async with database.transaction() as session:
            with pytest.raises(NotFound):
                await register.find(session, stranger, bundle.id)
            with pytest.raises(NotFound):
                await signing.withdraw(session, stranger, bundle.id, now=NOW)
    async with database.transaction() as session:
        with pytest.raises(RoleRequired):
            await signing.sign(session, world.clerk, bundle.id, now=NOW)
        with pytest.raises(RoleRequired):
            await drafting.create(session, world.head, form(world, world.resource_id), now=NOW)
        both = replace(world.head, id=world.clerk.id)
        with pytest.raises(FourEyes):
            await signing.sign(session, both, bundle.id, now=NOW, four_eyes=True)


async def test_of_ten_signatures_at_once_one_holds(database: Database) -> None:
    world = await sharing(database, share_type="unconditional", standing_consent=True)
    bundle = await drafted(database, world, form(world, *[world.resource_id] * 3))

    async def one() -> bool:
        try:
            async with database.transaction() as session:
                await signing.sign(session, world.head, bundle.id, now=NOW)
        except IllegalTransition:
            return False
        return True

    assert sorted(await asyncio.gather(*(one() for _ in range(10)))) == [False] * 9 + [True]
    assert await lines_of(database, bundle) == ["agreed"] * 3
    async with database.reading() as session:
        query = select(func.count()).where(col(Subscription.consumer_department) == world.consumer)
        assert (await session.exec(query)).one() == 3


async def test_many_lines_are_drafted_and_signed_together_in_small_steps(
    database: Database,
) -> None:
    """All rows of a bundle went in one statement: of 500 lines the loop stood still for 99 ms."""
    world, written = await sharing(database), list[int]()

    def note(_connection: object, clause: object, several: list[object], *_: object) -> None:
        if isinstance(clause, Insert):
            written.append(len(several))

    event.listen(Engine, "before_execute", note)
    try:
        bundle = await drafted(database, world, form(world, *[world.resource_id] * 120))
        async with database.transaction() as session:
            await signing.sign(session, world.head, bundle.id, now=NOW)
    finally:
        event.remove(Engine, "before_execute", note)
    assert await lines_of(database, bundle) == ["submitted"] * 120
    assert (sum(written) > 480, max(written)) == (True, CHAINED_AT_ONCE)
