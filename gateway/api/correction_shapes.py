"""Shapes of `/v1/corrections` (docs/api.md section 4)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from auth.directory import Member
from auth.principal import Principal, Role
from exchange.applications.deadlines import is_breached, remaining_working_days
from exchange.corrections import register
from exchange.corrections.filing import CorrectionRequest, DisputedItem
from exchange.corrections.register import Correction, Sight
from exchange.corrections.states import ALLOWED_ROLES, ANSWERABLE, AUTHORS, Action, Defect, State
from exchange.parties import Permitted, Side
from gateway import names
from gateway.api import attachment_shapes
from gateway.api.attachment_shapes import Attachments, AttachmentView
from gateway.api.sharing import HistoryView, Id, Prose, Scalar, acted_as
from gateway.names import Fields
from gateway.next_steps import NextStep, by_side
from kernel.database import ReadSession
from kernel.wire import Day, Verbatim, Wire

PEOPLE = ("submitted_by", "answered_by", "fixed_by")
ROLES: Mapping[str, Permitted] = {
    **{str(action): permitted for action, permitted in ALLOWED_ROLES.items()},
    "submit": {Side.CONSUMER: AUTHORS},
}
ACTED: Mapping[str, Permitted] = {
    "submitted_by": {Side.CONSUMER: AUTHORS},
    "answered_by": {Side.PROVIDER: frozenset({Role.HEAD})},
    "fixed_by": {Side.PROVIDER: AUTHORS},
}


class ItemIn(Wire):
    """`expected` is the value held for right; of a masked item none may be said."""

    item: Id
    expected: Scalar | None = None


class CorrectionIn(Wire):
    """`key` is as the subscription sees it; without `items` the whole record is disputed."""

    key: Annotated[Verbatim, Field(min_length=1, max_length=4096)]
    problem: Defect
    items: Annotated[list[ItemIn], Field(max_length=1000, default_factory=list)]
    description: Prose
    attachments: Attachments

    def request(self) -> CorrectionRequest:
        items = tuple(DisputedItem(each.item, each.expected) for each in self.items)
        return CorrectionRequest(
            key=self.key, problem=self.problem, description=self.description, items=items
        )


class FixIn(Wire):
    receipt_id: Annotated[str, Field(min_length=1, max_length=4096)]


class Reason(Wire):
    reason: Prose


class ItemView(Wire):
    item: str
    expected: Scalar | None = None


class CorrectionView(Wire):
    """`key` is the provider's own to the provider, the consumer's to the consumer, else null.

    `affected_count` is how many subscriptions see the fix marked: for provider and authority.
    """

    id: str
    subscription_id: str
    resource_id: str
    resource_name: str | None
    consumer_department: str
    consumer_name: str | None
    provider_department: str
    provider_name: str | None
    client_id: str
    client_name: str | None
    status: State
    key: Verbatim | None
    problem: Defect
    items: list[ItemView]
    description: str
    attachments: list[AttachmentView]
    submitted_by: str | None
    submitted_by_name: str | None
    submitted_by_role: str | None
    submitted_at: datetime
    due_at: datetime
    due_on: Day | None
    remaining_working_days: int | None
    overdue: bool
    breached_at: datetime | None
    answered_by: str | None
    answered_by_name: str | None
    answered_by_role: str | None
    answered_at: datetime | None
    answer_reason: str | None
    receipt_id: str | None
    fixed_by: str | None
    fixed_by_name: str | None
    fixed_by_role: str | None
    fixed_at: datetime | None
    affected_count: int | None
    reopened_at: datetime | None
    closed_at: datetime | None
    revision: int
    allowed: list[Action]
    next: list[NextStep]


class AffectedView(Wire):
    subscription_id: str
    consumer_department: str
    consumer_name: str | None


class CorrectionDetail(CorrectionView):
    """`affected` says which subscriptions received the value: to the authority alone."""

    affected: list[AffectedView] | None
    history: list[HistoryView]


class FiguresView(Wire):
    """Corrections of one provider about one element; null are those that name no item."""

    provider_department: str
    provider_name: str | None
    element: str | None
    element_name: str | None
    submitted: int
    waiting: int
    accepted: int
    rejected: int
    fixed: int
    confirmed: int
    withdrawn: int
    reopened: int
    breached: int


async def views(
    session: ReadSession, principal: Principal, rows: Sequence[Correction], now: datetime
) -> list[Fields]:
    """Return the fields of a view of each, as far as the caller may see them."""
    sights = await register.sights(session, principal, rows)
    found = [_fields(row, sights[row.id], principal, now) for row in rows]
    await names.add(session, found)
    await attachment_shapes.add(session, "correction", found)
    await names.add_people(session, principal, found, PEOPLE, _role)
    return [{name: view[name] for name in CorrectionView.model_fields} for view in found]


def _role(_view: Fields, field: str, member: Member) -> str | None:
    return acted_as(member, ACTED[field])


def _fields(row: Correction, sight: Sight, principal: Principal, now: datetime) -> Fields:
    runs = State(row.status) in ANSWERABLE
    own: dict[str, Any] = row.model_dump(exclude={"key", "items", "record_key", "digests"})
    return own | {
        "key": sight.key,
        "items": [_item(each, sight) for each in row.items],
        "due_on": names.last_day(row.due_at),
        "remaining_working_days": remaining_working_days(row.due_at, now) if runs else None,
        "overdue": runs and is_breached(row.due_at, now),
        "affected_count": sight.affected,
        "allowed": register.allowed(principal, row),
        "next": by_side(register.possible(row), ALLOWED_ROLES),
    }


def _item(stored: Mapping[str, Any], sight: Sight) -> Fields:
    """Return what is disputed; values are the parties'."""
    said = stored.get("expected") if sight.with_values else None
    return {"item": stored["item"], "expected": said}
