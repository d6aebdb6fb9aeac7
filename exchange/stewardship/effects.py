"""What a merger or a move does, told beforehand (dry run) and afterwards in the same shape."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from auth import handover as staffing
from auth.handover import Staff
from catalog import handover as catalogue
from catalog.handover import Handover, Seat
from exchange.stewardship import store
from exchange.stewardship.store import Relations
from kernel.database import ReadSession

# Ids that are listed of each kind; the counts are of all.
LISTED_MAX = 1000


@dataclass(frozen=True, slots=True)
class Effects:
    """`staff` is None for a move: its people stay who they are."""

    catalogue: Handover
    subscriptions: Relations
    applications: Relations
    staff: Staff | None

    def told(self) -> dict[str, Any]:
        """Return counts and lists as JSON."""
        handover, staff = self.catalogue, self.staff
        return {
            "entries": _list(handover.entries),
            "sources": _list([asdict(each) for each in handover.sources]),
            "sources_ended": _list([asdict(each) for each in handover.sources_ended]),
            "claims": _list([asdict(each) for each in handover.claims]),
            "claims_ended": _list([asdict(each) for each in handover.claims_ended]),
            "subscriptions_as_consumer": _list(self.subscriptions.as_consumer),
            "subscriptions_as_provider": _list(self.subscriptions.as_provider),
            "subscriptions_ended": _list(self.subscriptions.between),
            "applications_as_consumer": _list(self.applications.as_consumer),
            "applications_as_provider": _list(self.applications.as_provider),
            "applications_withdrawn": _list(self.applications.between),
            "people": 0 if staff is None else staff.people,
            "clients": 0 if staff is None else staff.clients,
            "roles_lost": _list([] if staff is None else [asdict(e) for e in staff.roles_lost]),
        }


def _list(items: Sequence[Any]) -> dict[str, Any]:
    return {"count": len(items), "items": list(items[:LISTED_MAX])}


async def survey(session: ReadSession, uscc: str, seat: Seat) -> Effects:
    """Return what would become of everything, and change nothing."""
    is_merger = uscc != seat.department
    return Effects(
        await catalogue.survey(session, uscc, seat),
        await store.subscriptions_of(session, uscc, seat.department),
        await store.applications_of(session, uscc, seat.department),
        await staffing.survey(session, uscc, seat.department) if is_merger else None,
    )
