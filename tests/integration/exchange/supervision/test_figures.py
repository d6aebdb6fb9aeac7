"""Figures of supervision are those that the events alone give (Order 809 Art 38)."""

import asyncio
import io
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from auth.principal import Principal, Role
from deploy.local.stack import Endpoints
from exchange.applications.clockwork import mark_breaches
from exchange.sealing import seal_counts
from exchange.subscriptions.delivery_clock import mark_deliveries
from exchange.supervision import figures as figures_of
from exchange.supervision.cases import (
    ANSWERED,
    CALLS,
    DELIVERED,
    DEMANDS_MET,
    MOUNTED,
    MOUNTED_SUMS,
)
from exchange.supervision.indicators import INDICATORS
from gateway.api.statistics_shapes import IndicatorView
from gateway.console.standings import ranked, standings
from kernel.clock import now
from kernel.database import Database
from kernel.paging import encode
from kernel.workdays import local_date
from tests.support.callers import Caller
from tests.support.databases import own_database
from tests.support.eventually import eventually
from tests.support.world import Sharing, World

Json = dict[str, Any]
# The days of this year's events and of deadlines that they began.
DAYS = {
    "from": str(local_date(now()) - timedelta(days=90)),
    "to": str(local_date(now()) + timedelta(days=90)),
}


@pytest.fixture(scope="module")
async def story(world: World, database: Database) -> Sharing:
    """Records that were pulled, an application refused, one too late, demands met and closed."""
    sharing = await world.sharing()
    provider, consumer = sharing.provider, sharing.consumer
    await sharing.publisher.publish(sharing.resource, [{"id": "1", "name": "某"}])
    await sharing.subscriber.pull(sharing.subscription)
    refused, late = await asyncio.gather(
        *(world.application(sharing.resource, consumer, sharing.subscriber) for _ in range(2))
    )
    for application in (refused, late):
        await consumer.head.ask("POST", f"/v1/applications/{application}/sign")
    refusal = {"code": 4, "reason": "测试"}
    await provider.head.ask("POST", f"/v1/applications/{refused}/refuse", refusal)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE exchange.application SET due_at = :at WHERE id = :id"),
            {"at": now() - timedelta(days=3), "id": late},
        )
    await eventually(lambda: counted(database, sharing))
    async with database.transaction() as session:
        await mark_breaches(session, now())
        await seal_counts(session, now() + timedelta(minutes=3))
        await mark_deliveries(session, now())
    for end in ("meet", "close"):
        demand = f"/v1/demands/{await world.demand(consumer)}"
        await world.authority.ask("POST", f"{demand}/assign", {"department": provider.uscc})
        body = {"resource_id": sharing.resource} if end == "meet" else {}
        who = provider.head if end == "meet" else world.authority
        await who.ask("POST", f"{demand}/{end}", body)
    return sharing


async def counted(database: Database, sharing: Sharing) -> bool:
    """Whether the gateway has stored what was published and read."""
    both = text("""
        SELECT EXISTS (SELECT FROM exchange.publish_count WHERE resource_id = :resource)
            AND EXISTS (SELECT FROM exchange.delivered_day WHERE subscription_id = :subscription)
    """)
    facts = {"resource": sharing.resource, "subscription": sharing.subscription}
    async with database.transaction() as session:
        return bool((await session.execute(both, facts)).scalar_one())


async def figures(who: Caller, **params: str) -> dict[str, Json]:
    told = await who.ask("GET", f"/v1/stats/indicators?{_query(**params)}")
    return {each["id"]: each for each in told["items"]}


def _query(**params: str) -> str:
    return "&".join(f"{name}={value}" for name, value in {**DAYS, **params}.items())


def share(figure: Mapping[str, Any]) -> tuple[int, int | None]:
    return figure["numerator"], figure["denominator"]


async def events(who: Caller) -> list[Json]:
    """Return the department's own events, once the last of the story has come."""
    found: list[Json] = []

    async def complete() -> bool:
        found[:] = (await who.ask("GET", "/v1/events?limit=200"))["items"]
        return {"demand.closed", "deadline.breached"} <= {each["type"] for each in found}

    await eventually(complete)
    return found


def in_time(each: Json) -> bool:
    return datetime.fromisoformat(each["at"]) < datetime.fromisoformat(each["data"]["due_at"])


async def test_figures_are_those_of_the_events(world: World, story: Sharing) -> None:
    told = await events(story.provider.head)
    of = {type_: [e for e in told if e["type"] == type_] for type_ in {e["type"] for e in told}}
    answers = of["application.agreed"] + of["application.refused"]
    breached = [each for each in of["deadline.breached"] if each["data"]["clock"] == "C3"]
    shown = await figures(story.provider.head)
    in_days = sum(map(in_time, answers))
    assert share(shown["answered_timely"]) == (in_days, len(answers) + len(breached)) == (2, 3)
    met, closed = len(of["demand.met"]), len(of["demand.closed"])
    assert share(shown["demands_met"]) == (met, met + closed) == (1, 2)
    assert share(shown["mounted"]) == share(shown["delivered_timely"]) == (1, 1)
    assert share(shown["updated_timely"])[1] in (0, 1)

    query = f"event=records.read&subject_id={story.subscription}"
    read = (await world.auditor.ask("GET", f"/v1/audit?{query}"))["items"]
    pages = sum(each["details"]["pages"] for each in read)
    assert share(shown["calls"]) == (pages, None) == (1, None)
    counts = await story.provider.head.ask("GET", "/v1/stats/violations?article=39")
    by_type = {row["type"]: row["count"] for row in counts["items"]}
    assert by_type["reply_late"] == len(breached)


async def test_groups_add_up_and_cases_are_what_was_counted(world: World, story: Sharing) -> None:
    whole = await figures(world.authority)
    for by in ("department", "region", "month"):
        told = await all_pages(world.authority, f"/v1/stats/indicators?{_query(by=by)}")
        for id_, figure in whole.items():
            rows = [row for row in told if row["id"] == id_]
            assert sum(row["numerator"] for row in rows) == figure["numerator"], (by, id_)
    own = await figures(story.provider.head)
    for id_, figure in own.items():
        path = f"/v1/stats/indicators/cases?{_query(indicator=id_, limit='200')}"
        cases = (await story.provider.head.ask("GET", path))["items"]
        met = sum(each["amount"] for each in cases if each["met"])
        assert met == figure["numerator"], id_
        if figure["denominator"] is not None:
            assert sum(each["amount"] for each in cases) == figure["denominator"], id_
    path = f"/v1/stats/indicators/cases?{_query(indicator='answered_timely', limit='1')}"
    first = await story.provider.head.ask("GET", path)
    rest = await story.provider.head.ask("GET", f"{path}&cursor={first['next_cursor']}&met=true")
    assert first["items"][0]["met"] is False
    assert rest["items"][0]["met"] is True


async def test_groups_come_in_pages_and_all_of_them_in_the_workbook(
    world: World, story: Sharing
) -> None:
    """A thousand groups stood on one page, and the thousand and first on none."""
    query = _query(by="department")
    [_header, *book] = await rows_of(world.authority, f"/v1/stats/indicators.xlsx?{query}")
    paged = await all_pages(world.authority, f"/v1/stats/indicators?{query}")
    assert [(row[0], row[2] or None, int(row[4])) for row in book] == [
        (each["name"], each["group"], each["numerator"]) for each in paged
    ]
    assert len({(each["id"], each["group"]) for each in paged}) == len(paged)
    assert story.provider.uscc in {each["group"] for each in paged if each["id"] == "calls"}
    one = await all_pages(world.authority, f"/v1/stats/indicators?{query}&indicator=calls")
    assert one == [each for each in paged if each["id"] == "calls"]
    cursor = encode("unheard_of|")
    for asked in (f"cursor={cursor}", "indicator=unheard_of", "cursor=AAAA"):
        path = f"/v1/stats/indicators?by=department&{asked}"
        assert (await world.authority.get(path)).status_code == 400, asked


async def all_pages(who: Caller, path: str) -> list[Json]:
    """Return the items of all pages of three."""
    items: list[Json] = []
    told = await who.ask("GET", f"{path}&limit=3")
    while True:
        items += told["items"]
        if told["next_cursor"] is None:
            return items
        assert len(told["items"]) == 3
        told = await who.ask("GET", f"{path}&limit=3&cursor={told['next_cursor']}")


async def rows_of(who: Caller, path: str) -> list[list[str]]:
    """Return the rows of the first sheet of a workbook."""
    book = CalamineWorkbook.from_filelike(io.BytesIO((await who.get(path)).content))
    return [list(map(str, row)) for row in book.get_sheet_by_index(0).to_python()]


async def test_the_league_of_departments_is_that_of_their_figures(
    world: World, story: Sharing, database: Database
) -> None:
    """The database puts departments in the same order as divisions are put in."""
    path = f"/v1/stats/indicators?{_query(by='department')}"
    told = [IndicatorView.model_validate(each) for each in await all_pages(world.authority, path)]
    expected = standings(told)
    days = figures_of.Period(*map(date.fromisoformat, (DAYS["from"], DAYS["to"])))
    principal = Principal(
        kind="person", id="p", department=world.authority_department, region_code="450000",
        is_authority=True, roles=frozenset({Role.AUTHORITY}), scopes=frozenset(),
        token_id="t", expires_at=0.0,
    )  # fmt: skip
    ranks: list[figures_of.Rank] = []
    async with database.reading() as session:
        for first in range(0, len(expected) + 1, 2):
            ranks += await figures_of.league(
                session, principal, days, first=first, most=2, now=now()
            )
    assert ranked(ranks, {each.group: each.name for each in expected}) == expected
    assert story.provider.uscc in {each.group for each in expected}


async def test_others_see_nothing_of_it(world: World, story: Sharing) -> None:
    # A county of its own: the platform is shared, and others tell stories of whole cities.
    stranger = await world.department("451481", authority=True)
    shown = await figures(stranger.authority)
    assert {share(each) for each in shown.values()} == {(0, 0), (0, None)}
    assert {each["value"] for each in shown.values() if each["id"] != "calls"} == {None}
    for path in ("indicators", "violations", "flows", "indicators.xlsx"):
        assert (await story.provider.clerk.get(f"/v1/stats/{path}")).status_code == 403
    unknown = await stranger.authority.get("/v1/stats/indicators/cases?indicator=x")
    assert unknown.status_code == 400
    long = await stranger.authority.get("/v1/stats/flows?from=2024-01-01&to=2026-01-01")
    assert (long.status_code, long.json()["code"]) == (400, "invalid_parameter")


async def test_flows_tell_who_delivered_how_much_to_whom(world: World, story: Sharing) -> None:
    for who in (story.provider.head, story.consumer.head):
        [flow] = (await who.ask("GET", "/v1/stats/flows"))["items"]
        assert (flow["provider_name"], flow["consumer_name"]) == (
            story.provider.name, story.consumer.name,
        )  # fmt: skip
        assert (flow["answers"], flow["records"]) == (1, 1)
    for measure in ("records", "answers", "bytes"):
        path = f"/v1/stats/flows?{_query(measure=measure)}"
        paged = await all_pages(world.authority, path)
        amounts = [each[measure] for each in paged]
        assert amounts == sorted(amounts, reverse=True)
        sides = {(each["provider_department"], each["consumer_department"]) for each in paged}
        assert len(sides) == len(paged)
        assert (story.provider.uscc, story.consumer.uscc) in sides
    for after in ("x|a|b", "1|a", f"{2**63}|a|b"):
        path = f"/v1/stats/flows?cursor={encode(after)}"
        assert (await world.authority.get(path)).status_code == 400, after
    by_region = await world.authority.ask("GET", "/v1/stats/flows?by=region")
    assert by_region["items"][0]["provider_region_name"] is not None
    for name in ("indicators", "violations", "flows"):
        book = await world.authority.get(f"/v1/stats/{name}.xlsx")
        assert (book.status_code, book.content[:2]) == (200, b"PK")


@pytest.mark.parametrize(
    ("cases", "index"),
    [
        (ANSWERED, "application_due_at"),
        (DELIVERED, "subscription_deliver_by"),
        (DEMANDS_MET, "demand_ended"),
        (CALLS, "delivered_day_day"),
    ],
)
async def test_a_period_is_found_by_an_index(endpoints: Endpoints, cases: str, index: str) -> None:
    """In a database without rows: what other tests left there would change the plan."""
    day = local_date(now())
    bounds = {"since": now(), "until": now(), "now": now(), "from_day": day, "to_day": day}
    facts = {name: value for name, value in bounds.items() if f":{name}" in cases}
    assert cases in {each.cases for each in INDICATORS.values()}
    async with (
        own_database(endpoints.database_url, pool_size=2) as own,
        own.transaction() as session,
    ):
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await session.execute(text(f"EXPLAIN {cases}"), facts)
        assert index in "\n".join(plan.scalars())


@pytest.mark.parametrize("ago", [0, 90])
async def test_entries_mounted_are_counted_from_entries_as_from_their_versions(
    world: World, database: Database, story: Sharing, ago: int
) -> None:
    """Joining 100,000 versions took half of the time of the indicators of a period that runs."""
    assert story.resource
    department = await world.department()
    retired, revised = [await world.resource(department) for _ in range(2)]
    await world.authority.ask("POST", f"/v1/resources/{retired}/retire", {"reason": "停办"})
    await department.clerk.ask("POST", f"/v1/resources/{revised}/revise")
    period = figures_of.Period(*[local_date(now()) - timedelta(days=ago)] * 2)
    told = []
    async with database.reading() as session:
        for way in (MOUNTED, MOUNTED_SUMS):
            statement = f"""
                SELECT department, sum(amount), sum(amount) FILTER (WHERE met)
                FROM ({way}) AS c GROUP BY 1 ORDER BY 1
            """  # noqa: S608 - texts of the package
            bounds = {k: v for k, v in period.bounds(now()).items() if f":{k}" in statement}
            told.append((await session.execute(text(statement), bounds)).all())
    assert told[0] == told[1]
    mine = [row for row in told[1] if row[0] == department.uscc]
    assert [row[1:] for row in mine] == ([] if ago else [(1, None)])
