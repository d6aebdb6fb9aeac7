"""What an answer about a resource tells of its deadlines (docs/api.md section 3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from catalog import clocks
from catalog.change_notices import NoticeState, state_of
from catalog.clocks import Deadline, Kind
from catalog.visibility import Shown
from gateway.names import last_day
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Day, Wire


class ChangeNoticeView(Wire):
    """A change that the entry has still to follow; of the parties only its own side sees it."""

    occurred_on: Day
    cause: str
    state: NoticeState
    extension_reason: str | None


class Clocks(Wire):
    """`source_lost` is told to everybody, the others to the department and its authority."""

    source_lost: bool
    source_lost_elements: list[str]
    source_lost_due_at: datetime | None
    source_lost_due_on: Day | None
    update_due_at: datetime | None
    update_due_on: Day | None
    review_due_at: datetime | None
    review_due_on: Day | None
    yearly_review_due_at: datetime | None
    yearly_review_due_on: Day | None
    change_notice: ChangeNoticeView | None


async def of(session: ReadSession, several: Sequence[Shown]) -> list[dict[str, Any]]:
    """Return the fields of `Clocks` for each resource, all looked up at once."""
    running = await clocks.running(session, [shown.resource.id for shown in several])
    return [_fields(running.get(shown.resource.id, ()), shown) for shown in several]


def _fields(running: Sequence[Deadline], shown: Shown) -> dict[str, Any]:
    lost = [each for each in running if each.kind == Kind.SOURCE_LOST]
    known = running if shown.is_insider else ()
    updates = [each for each in known if each.kind == Kind.UPDATE]
    reviews = [each for each in known if each.kind == Kind.REVIEW]
    return {
        "source_lost": bool(lost),
        "source_lost_elements": [each.subject for each in lost],
        **_due("source_lost", lost),
        **_due("update", [each for each in updates if each.met_at is None]),
        **_due("review", reviews),
        **_due("yearly_review", [each for each in known if each.kind == Kind.YEARLY]),
        "change_notice": _notice(updates[0]) if updates else None,
    }


def _due(stem: str, running: Sequence[Deadline]) -> dict[str, Any]:
    due_at = running[0].due_at if running else None
    return {f"{stem}_due_at": due_at, f"{stem}_due_on": last_day(due_at)}


def _notice(notice: Deadline) -> dict[str, Any]:
    extension = notice.note.get("extension") or {}
    return {
        "occurred_on": notice.note["occurred_on"],
        "cause": notice.note["cause"],
        "state": state_of(notice, clock.now()),
        "extension_reason": extension.get("reason"),
    }
