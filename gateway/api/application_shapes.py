"""Wire shapes of applications: what the parties send, and what they see."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictInt

from auth.directory import Member
from auth.principal import Principal
from exchange.applications import register
from exchange.applications.content import Content
from exchange.applications.narrowing import Narrowing
from exchange.applications.register import Application
from exchange.applications.states import ALLOWED_ROLES, Action, State
from gateway import names
from gateway.api import attachment_shapes
from gateway.api.attachment_shapes import FIELD, Attachments, AttachmentView
from gateway.api.registry import Contractor
from gateway.api.sharing import (
    ConditionWire,
    Editions,
    Filter,
    HistoryView,
    Id,
    Items,
    Mode,
    PerDay,
    Prose,
    acted_as,
    conditions_of,
)
from gateway.names import Fields
from gateway.next_steps import NextStep, by_side
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Day, Wire

# Which action decided, by the state that it led to.
DECISIONS = {
    State.AGREED: Action.AGREE,
    State.REFUSED: Action.REFUSE,
    State.REROUTED: Action.REROUTE,
    State.WITHDRAWN: Action.WITHDRAW,
}


class ApplicationIn(Wire):
    resource_id: Id
    client_id: Id
    items: Items
    mode: Mode
    basis: Prose
    scenario: Prose
    scope: Prose
    valid_from: Day | None = None
    valid_until: Day
    row_filter: Filter | None = None
    records_per_day: PerDay | None = None
    editions: Editions | None = None
    commitment: StrictBool
    return_flow: Annotated[StrictBool, Field(default_factory=bool)]
    attachments: Attachments

    def content(self) -> Content:
        fields = self.model_dump(
            exclude={"resource_id", "row_filter", "items", "editions", "attachments"}
        )
        return Content(
            items=tuple(self.items),
            row_filter=conditions_of(self.row_filter),
            editions=self.editions or {},
            **fields,
        )


class ApplicationChanges(Wire):
    """Only the fields that are sent change, so no default is ever read; `resource_id` stays."""

    client_id: Id = Field(default_factory=str)
    items: Items = Field(default_factory=list)
    mode: Mode = Field(default_factory=lambda: "pull")
    basis: Prose = Field(default_factory=str)
    scenario: Prose = Field(default_factory=str)
    scope: Prose = Field(default_factory=str)
    valid_from: Day | None = None
    valid_until: Day = Field(default_factory=lambda: clock.now().date())
    row_filter: Filter | None = None
    records_per_day: PerDay | None = None
    editions: Editions | None = None
    commitment: StrictBool = Field(default_factory=bool)
    return_flow: StrictBool = Field(default_factory=bool)
    attachments: Attachments

    def changes(self) -> dict[str, Any]:
        sent = self.model_dump(include=self.model_fields_set - {FIELD})
        if "items" in sent:
            sent["items"] = tuple(self.items)
        if "editions" in sent:
            sent["editions"] = self.editions or {}
        if "row_filter" in sent:
            sent["row_filter"] = conditions_of(self.row_filter)
        return sent


class SupplementRequest(Wire):
    missing: Annotated[list[Prose], Field(min_length=1, max_length=50)]
    message: Prose


class ExtensionRequest(Wire):
    working_days: StrictInt
    reason: Prose


class Agreement(Wire):
    """What is left out stays as it was asked for; nothing may be widened."""

    items: Items | None = None
    unmasked: Annotated[list[Id], Field(fail_fast=True, max_length=1000)] | None = None
    row_filter: Filter | None = None
    records_per_day: PerDay | None = None
    valid_until: Day | None = None
    note: Prose | None = None
    detail: StrictBool | None = None
    ledger: StrictBool | None = None

    def narrowing(self) -> Narrowing:
        return Narrowing(
            items=None if self.items is None else tuple(self.items),
            unmasked=tuple(self.unmasked or ()),
            row_filter=conditions_of(self.row_filter),
            records_per_day=self.records_per_day,
            valid_until=self.valid_until,
            note=self.note,
            detail=bool(self.detail),
            ledger=bool(self.ledger),
        )


class Refusal(Wire):
    """1 法律法规不允许, 2 该数据不在本部门, 3 不具备共享条件 (`basis` needed), 4 其它."""

    code: Annotated[StrictInt, Field(ge=1, le=4)]
    reason: Prose
    basis: Prose | None = None
    source_department: Id | None = None


class Rerouting(Wire):
    resource_id: Id
    reason: Prose


class ApplicationView(Wire):
    """`due_at` is the first moment after the last day, `due_on`; null while no clock runs."""

    id: str
    status: State
    consumer_department: str
    consumer_name: str | None
    provider_department: str
    provider_name: str | None
    region_code: str
    resource_id: str
    resource_name: str | None
    resource_version: int
    client_id: str
    client_name: str | None
    operated_by: Contractor | None = None
    items: list[str]
    mode: str
    basis: str
    scenario: str
    scope: str
    valid_from: Day | None
    valid_until: Day
    row_filter: list[ConditionWire]
    records_per_day: int | None
    editions: dict[str, str]
    commitment: bool
    return_flow: bool
    attachments: list[AttachmentView]
    created_by: str | None
    created_by_name: str | None
    created_by_role: str | None
    created_by_department: str | None
    created_by_department_name: str | None
    created_at: datetime
    submitted_at: datetime | None
    clock: str | None
    due_at: datetime | None
    due_on: Day | None
    due_at_rests_on_notice: bool
    remaining_working_days: int | None
    breached: bool
    breached_at: datetime | None
    asked_days: int | None
    extended_days: int
    supplement_used: bool
    decided_at: datetime | None
    decided_by: str | None
    decided_by_name: str | None
    decided_by_role: str | None
    decided_by_department: str | None
    decided_by_department_name: str | None
    decision: dict[str, Any] | None
    subscription_id: str | None
    rerouted_from: str | None
    rerouted_to: str | None
    renews: str | None
    amends: str | None
    revision: int
    allowed: list[Action]
    next: list[NextStep]


class ApplicationDetail(ApplicationView):
    history: list[HistoryView]


async def told(
    session: ReadSession,
    principal: Principal,
    applications: Sequence[Application],
    now: datetime,
) -> list[Fields]:
    """Return the fields of the views, with names beside ids."""
    views = [_facts(application, principal, now) for application in applications]
    await names.add(session, views)
    await names.add_operators(session, views)
    await attachment_shapes.add(session, "application", views)
    people = ("created_by", "decided_by")
    await names.add_people(session, principal, views, people, _role)
    return views


def standing_of(view: Fields) -> str:
    """Return what the tag of a view says beside its revision: the clock that runs."""
    remaining = view["remaining_working_days"]
    late = "late" if view["breached"] else ""
    return late if remaining is None else f"{late}{remaining}".replace("-", "m")


def _role(view: Fields, field: str, member: Member) -> str | None:
    if field == "created_by":
        return "clerk"
    action = DECISIONS.get(view["status"])
    return None if action is None else acted_as(member, ALLOWED_ROLES[action])


def _facts(application: Application, principal: Principal, now: datetime) -> Fields:
    standing = register.standing(application, now)
    inner = {"held_days", "due_at", "due_from", "due_days", "due_calendar"}
    return application.model_dump(exclude=inner) | {
        "due_at": standing.due_at,
        "due_on": names.last_day(standing.due_at),
        "due_at_rests_on_notice": standing.rests_on_notice,
        "remaining_working_days": standing.remaining_working_days,
        "breached": standing.breached,
        "allowed": register.allowed(principal, application),
        "next": by_side(register.possible(application), ALLOWED_ROLES),
    }
