"""`/v1/events`: a department's own decisions and deadlines, in order (docs/api.md section 4)."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from auth.events import AuthEvent
from auth.principal import Principal
from catalog.events import CatalogEvent
from exchange.alarms.telling import RAISED
from exchange.events import ExchangeEvent
from exchange.feed import reading
from exchange.feed.reading import FeedEvent, FeedPage
from gateway import names
from gateway.http.stopping import STOPPING
from gateway.principal import CatalogReader, Credentials
from gateway.services import Services, Using
from kernel import clock
from kernel.database import ReadSession
from kernel.errors import BadRequest, FieldError
from kernel.paging import LIMIT_DEFAULT, LIMIT_MAX
from kernel.wire import Wire

router = APIRouter(prefix="/v1/events", tags=["events"])

OF_AUTH: Final = (
    AuthEvent.DEPARTMENT_MERGED,
    AuthEvent.DEPARTMENT_MOVED,
    AuthEvent.DELEGATION_PROPOSED,
    AuthEvent.DELEGATION_CONSENTED,
    AuthEvent.DELEGATION_ENDED,
)
TYPES: Final = frozenset(map(str, (*ExchangeEvent, *CatalogEvent, *OF_AUTH, RAISED)))
WAIT_MAX: Final = 30
NAMED_MAX: Final = 100


class EventView(Wire):
    """`id` is opaque and never names another event; `thing` is the id of what it is about."""

    id: str
    type: str
    at: datetime
    thing: str
    data: dict[str, Any]


class EventList(Wire):
    """`next_after` is to be asked after next, also where nothing has come."""

    items: list[EventView]
    next_after: str


def _types(named: str | None) -> frozenset[str] | None:
    """Return the types of a list with commas; raises BadRequest for one that there is not."""
    if named is None:
        return None
    types = frozenset(named.split(","))
    if unknown := sorted(types - TYPES):
        raise BadRequest(
            errors=[
                FieldError(
                    "types",
                    "not_in_code_list",
                    f"没有事件类型 {unknown[0]}",
                    f"there is no event type {unknown[0]}",
                    allowed=tuple(sorted(TYPES)[:NAMED_MAX]),
                )
            ]
        )
    return types


@router.get("")
async def read(
    principal: CatalogReader,
    using: Using,
    credentials: Credentials,
    after: Annotated[str | None, Query(max_length=64)] = None,
    types: Annotated[str | None, Query(max_length=4000)] = None,
    wait: Annotated[int, Query(ge=0, le=WAIT_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> EventList:
    """Read what concerned the department after an event, waiting some seconds where nothing has."""
    wanted = _types(types)
    ends_at = clock.monotonic() + wait
    while True:
        with using.waits.listening(principal.department) as heard:
            told, more = await _look(using, principal, after, wanted, limit)
            left = ends_at - clock.monotonic()
            over = left <= 0 or STOPPING.begun or using.waits.full
            if told.items or (over and not more):
                break
            after = told.next_after
            if not more:
                await _heard_within(heard, left)
        # Whoever waited may have lost its token meanwhile.
        if credentials is not None:
            principal = await using.tokens.verify(credentials.credentials.encode())
    return told


async def newest(
    using: Services, principal: Principal, since: datetime, most: int
) -> list[EventView]:
    """Return the last events since a moment, the newest first; for the console."""
    async with using.database.reading() as session:
        return await _views(session, await reading.newest(session, principal, since, most))


async def _look(
    using: Services,
    principal: Principal,
    after: str | None,
    types: frozenset[str] | None,
    limit: int,
) -> tuple[EventList, bool]:
    async with using.database.reading() as session:
        page = await reading.read(session, principal, after=after, types=types, limit=limit)
        items = await _views(session, page)
    return EventList(items=items, next_after=page.next_after), page.more


async def _heard_within(heard: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await heard.wait()
    except TimeoutError:
        return


async def _views(session: ReadSession, page: FeedPage) -> list[EventView]:
    data = [_data(event) for event in page.items]
    await names.add(session, data)
    return [
        EventView(
            id=reading.id_of(page.generation, event.id or 0),
            type=event.type,
            at=event.at,
            thing=event.thing,
            data=facts,
        )
        for event, facts in zip(page.items, data, strict=True)
    ]


def _data(event: FeedEvent) -> dict[str, Any]:
    """Return the facts of an event; the items of a published entry are read where it is."""
    facts = {name: value for name, value in event.payload.items() if name != "items"}
    if facts.get("due_at"):
        facts["due_on"] = names.last_day(datetime.fromisoformat(facts["due_at"]))
    return facts
