"""`/v1/calendar/{year}`: working days as the State Council's notices have them."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from exchange import calendar
from exchange.calendar import DayKind, Notice, SpecialDay
from gateway.api.registry import Prose
from gateway.lists import HeededRevision, tag
from gateway.principal import CatalogReader, CatalogWriter
from gateway.services import Reading, Writing
from kernel import clock
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/calendar", tags=["calendar"])

DAYS_MAX = 366
Year = Annotated[int, Path(ge=2005, le=2098)]


class SpecialDayWire(Wire):
    date: Day
    kind: DayKind


class CalendarIn(Wire):
    """`days` that differ from their weekday or from the notice that the platform brings along."""

    days: Annotated[list[SpecialDayWire], Field(max_length=DAYS_MAX)]
    basis: Prose


class CalendarView(Wire):
    """`known`: there is a notice for the year; from `provisional_from` on one is still to come."""

    year: int
    revision: int
    days: list[SpecialDayWire]
    basis: str | None
    changed_at: datetime | None
    known: bool
    provisional_from: Day | None


class CalendarChanged(CalendarView):
    """`moved`: how many open deadlines fall on another day now, by kind of thing."""

    moved: dict[str, int]


@router.get("/{year}")
async def get(
    year: Year, session: Reading, _principal: CatalogReader, response: Response
) -> CalendarView:
    """某年的调休与放假安排 / what was corrected of, or added as, a year."""
    found = await calendar.read(session, year)
    return CalendarView.model_validate(_fields(found, response))


@router.put("/{year}")
async def change(
    year: Year,
    body: CalendarIn,
    revision: HeededRevision,
    request: Request,
    session: Writing,
    principal: CatalogWriter,
    response: Response,
) -> CalendarChanged:
    """更正或补充某年的工作日历，未到期的时限重新计算 / open deadlines are reckoned anew."""
    moved = await calendar.change(
        session,
        principal,
        Notice(year, [SpecialDay(day.date, day.kind) for day in body.days], body.basis),
        revision=revision,
        anyhow="if-match" in request.headers,
        now=clock.now(),
    )
    found = await calendar.read(session, year)
    return CalendarChanged.model_validate({**_fields(found, response), "moved": moved})


def _fields(found: calendar.Year, response: Response) -> dict[str, Any]:
    stored = found.stored
    tag(response, 0 if stored is None else stored.revision)
    days = {} if stored is None else stored.days
    return {
        "year": found.year,
        "revision": 0 if stored is None else stored.revision,
        "days": [
            {"date": day, "kind": DayKind.WORK if works else DayKind.REST}
            for day, works in sorted(days.items())
        ],
        "basis": None if stored is None else stored.basis,
        "changed_at": None if stored is None else stored.changed_at,
        "known": found.known,
        "provisional_from": found.provisional_from,
    }
