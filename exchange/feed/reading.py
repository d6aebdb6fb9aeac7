"""Reading the department's own decisions and deadlines in order (`GET /v1/events`).

An id is `generation-number`. After a restore the numbers behind the restored moment are given out
again, under another generation: no id ever names two things.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn

from auth.principal import Principal, Role
from exchange.delivery.errors import GenerationChanged
from exchange.feed import store
from exchange.feed.store import WINDOW
from exchange.feed.tables import FeedEvent
from exchange.parties import oversees
from kernel import generation
from kernel.database import ReadSession
from kernel.errors import Gone, InvalidCursor

__all__ = ["FeedEvent", "FeedPage", "id_of", "newest", "read"]

DIGITS_MAX: Final = 18
START: Final = 0


@dataclass(frozen=True, slots=True)
class FeedPage:
    """`next_after` goes on behind what was looked at; `more` where that was not everything."""

    items: Sequence[FeedEvent]
    generation: int
    next_after: str
    more: bool


async def read(
    session: ReadSession,
    principal: Principal,
    *,
    after: str | None,
    types: Collection[str] | None,
    limit: int,
) -> FeedPage:
    """Return the department's events behind an id, those of some types where these are named.

    Raises InvalidCursor, GenerationChanged and Gone; both name the id to go on from as `first`.
    """
    current = (await generation.current(session)).number
    number = await _number(session, after, current)
    window = await store.after(
        session, principal.department, number,
        oversees=oversees(principal), guards=_guards(principal),
    )  # fmt: skip
    wanted = [each for each, type_ in window if types is None or type_ in types]
    page = await store.events(session, wanted[:limit])
    cut = len(wanted) > limit
    looked_at = wanted[limit - 1] if cut else (window[-1][0] if window else number)
    return FeedPage(page, current, id_of(current, looked_at), cut or len(window) == WINDOW)


def _guards(principal: Principal) -> bool:
    """Whether the caller reads alarms, which the rest of a department does not."""
    return not principal.roles.isdisjoint({Role.SECURITY, Role.AUDITOR})


def id_of(generation_number: int, number: int) -> str:
    return f"{generation_number}-{number}"


async def newest(
    session: ReadSession, principal: Principal, since: datetime, most: int
) -> FeedPage:
    """Return the last events since a moment, the newest first; `next_after` goes on behind them."""
    current = (await generation.current(session)).number
    found = await store.newest(
        session, principal.department, since, most,
        oversees=oversees(principal), guards=_guards(principal),
    )  # fmt: skip
    last = found[0].id or START if found else START
    return FeedPage(found, current, id_of(current, last), len(found) == most)


async def _number(session: ReadSession, after: str | None, current: int) -> int:
    if after is None:
        return START
    issued, number = _parsed(after)
    if issued > current:
        raise InvalidCursor
    if issued < current:
        await _refuse_earlier(session, number, current)
    if await store.is_forgotten(session, number):
        raise Gone(
            "该事件已超出保留期，其后的事件可能也有已不保留的；核对后可从 first 继续",
            "The event is no longer kept, and some after it may not be either; go on from first",
            first=id_of(current, START),
        )
    return number


async def _refuse_earlier(session: ReadSession, number: int, current: int) -> NoReturn:
    """Lead to the last event that both the caller and the restored database know."""
    known = min(number, await store.last_before(session, current))
    raise GenerationChanged(
        "平台数据曾被恢复；此前读到的事件中有些可能已不存在，核对后可从 first 之后继续",
        "The platform's data were restored; some events that were read may not have happened: go"
        " on after first",
        first=id_of(current, known),
    )


def _parsed(after: str) -> tuple[int, int]:
    parts = after.split("-")
    if len(parts) != 2 or not all(_is_number(part) for part in parts):  # noqa: PLR2004 - a pair
        raise InvalidCursor
    return int(parts[0]), int(parts[1])


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= DIGITS_MAX
