"""Wire shapes of bundles: one form, an application for each line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StrictBool

from auth.directory import Member
from auth.principal import Principal
from exchange.applications import register as applications
from exchange.applications.content import Content
from exchange.bundles import register
from exchange.bundles.drafting import LINES_MAX, Form
from exchange.bundles.register import Bundle
from exchange.bundles.states import ALLOWED_ROLES, Action, Status
from gateway import names
from gateway.api import attachment_shapes
from gateway.api.attachment_shapes import Attachments, AttachmentView
from gateway.api.sharing import (
    Editions,
    Filter,
    Id,
    Items,
    Line,
    Mode,
    PerDay,
    Prose,
    conditions_of,
)
from gateway.names import Fields
from gateway.next_steps import NextStep, by_role
from kernel.database import ReadSession
from kernel.wire import Day, Wire


class BundleLineIn(Wire):
    resource_id: Id
    client_id: Id
    items: Items
    mode: Mode
    row_filter: Filter | None = None
    records_per_day: PerDay | None = None
    editions: Editions | None = None


class BundleIn(Wire):
    title: Line
    basis: Prose
    scenario: Prose
    scope: Prose
    valid_from: Day | None = None
    valid_until: Day
    commitment: StrictBool
    attachments: Attachments
    lines: Annotated[list[BundleLineIn], Field(fail_fast=True, min_length=1, max_length=LINES_MAX)]

    def form(self) -> Form:
        return Form(
            title=self.title,
            basis=self.basis,
            scenario=self.scenario,
            scope=self.scope,
            valid_until=self.valid_until,
            lines=[(line.resource_id, self._content(line)) for line in self.lines],
        )

    def _content(self, line: BundleLineIn) -> Content:
        return Content(
            client_id=line.client_id,
            items=tuple(line.items),
            mode=line.mode,
            basis=self.basis,
            scenario=self.scenario,
            scope=self.scope,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            commitment=self.commitment,
            row_filter=conditions_of(line.row_filter),
            records_per_day=line.records_per_day,
            editions=line.editions or {},
        )


class LineProblem(Wire):
    code: str
    detail: str
    errors: list[dict[str, Any]]


class SkippedLine(Wire):
    """A line that was no application; nothing was made of it."""

    line: int
    resource_id: str
    resource_name: str | None
    client_id: str
    client_name: str | None
    problem: LineProblem


class BundleView(Wire):
    """`status` is derived from the lines: `done` when nobody has anything to decide any more."""

    id: str
    title: str
    status: Status
    department: str
    department_name: str | None
    basis: str
    scenario: str
    scope: str
    valid_until: Day
    attachments: list[AttachmentView]
    line_counts: dict[str, int]
    skipped: list[SkippedLine]
    created_by: str | None
    created_by_name: str | None
    created_at: datetime
    signed_by: str | None
    signed_by_name: str | None
    signed_at: datetime | None
    allowed: list[Action]
    next: list[NextStep]


class BundleLineView(Wire):
    """`status` is the application's, or `not_signed` with the `problem` that kept it a draft."""

    line: int
    status: str
    application_id: str
    resource_id: str
    resource_name: str | None
    client_id: str
    client_name: str | None
    provider_department: str
    provider_name: str | None
    items: list[str]
    mode: str
    due_on: Day | None
    remaining_working_days: int | None
    breached: bool
    subscription_id: str | None
    problem: LineProblem | None


class BundleDetail(BundleView):
    lines: list[BundleLineView]


async def told(
    session: ReadSession, principal: Principal, bundles: Sequence[Bundle]
) -> list[Fields]:
    """Return the fields of the views, with names beside ids."""
    summaries = await register.summaries(session, principal, bundles)
    views: list[Fields] = []
    for bundle in bundles:
        summary = summaries[bundle.id]
        views.append(
            bundle.model_dump()
            | {
                "status": summary.status,
                "line_counts": dict(summary.lines),
                "allowed": list(summary.allowed),
                "next": by_role(summary.possible, ALLOWED_ROLES),
            }
        )
    await names.add(session, [*views, *(line for view in views for line in view["skipped"])])
    await names.add_people(session, principal, views, ("created_by", "signed_by"), _no_role)
    await attachment_shapes.add(session, "bundle", views)
    shown = set(BundleDetail.model_fields)
    return [{name: value for name, value in view.items() if name in shown} for view in views]


async def lines_told(session: ReadSession, bundle_id: str, now: datetime) -> list[Fields]:
    """Return the fields of the lines of one bundle, at most LINES_MAX."""
    views: list[Fields] = []
    for line, application in await register.lines(session, bundle_id):
        standing = applications.standing(application, now)
        own = {"resource_id", "client_id", "provider_department", "items", "mode"}
        views.append(
            application.model_dump(include=own | {"subscription_id"})
            | {
                "line": line.line,
                "status": register.line_status(line, application),
                "application_id": application.id,
                "due_on": names.last_day(standing.due_at),
                "remaining_working_days": standing.remaining_working_days,
                "breached": standing.breached,
                "problem": line.problem,
            }
        )
    await names.add(session, views)
    return views


def _no_role(_view: Fields, _field: str, _member: Member) -> str | None:
    """A bundle is shown to its own department, where people have names."""
    return None
