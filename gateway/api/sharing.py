"""Wire shapes that applications, subscriptions and disputes have in common."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints

from auth.directory import Member
from auth.principal import Principal, Role
from exchange.applications.deadlines import Limits
from exchange.applications.register import ApplicationHistory
from exchange.corrections.register import CorrectionHistory
from exchange.demands.register import DemandHistory
from exchange.disputes.register import DisputeHistory
from exchange.orders.register import OrderHistory
from exchange.subscriptions.conditions import CHOICES_MAX, CONDITIONS_MAX, TEXT_MAX, Condition, Op
from exchange.subscriptions.register import SubscriptionHistory
from gateway import names
from gateway.names import Fields
from kernel.database import ReadSession
from kernel.settings import Settings
from kernel.wire import Wire

Id = Annotated[str, Field(min_length=1, max_length=64)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Prose = Annotated[str, Field(min_length=1, max_length=2000)]
Text = Annotated[StrictStr, StringConstraints(strip_whitespace=False, max_length=TEXT_MAX)]
Scalar = StrictBool | StrictInt | StrictFloat | Text
# Of what may be a thousand the first that is wrong is told: an error of each takes milliseconds.
Choices = Annotated[list[Scalar], Field(fail_fast=True, min_length=1, max_length=CHOICES_MAX)]
Items = Annotated[list[Id], Field(fail_fast=True, min_length=1, max_length=1000)]
Mode = Literal["pull", "push", "query", "verify", "file", "table", "api"]
# The edition of a code list in which an item's values are wanted.
Editions = Annotated[dict[Id, Id], Field(max_length=1000)]
PerDay = Annotated[StrictInt, Field(ge=1, le=2**53)]


class ConditionWire(Wire):
    """`in` has a list, every other `op` one value of the item's type."""

    item: Id
    op: Op
    value: Scalar | Choices

    def condition(self) -> Condition:
        value = tuple(self.value) if isinstance(self.value, list) else self.value
        return Condition(self.item, self.op, value)


Filter = Annotated[list[ConditionWire], Field(fail_fast=True, max_length=CONDITIONS_MAX)]


Step = ApplicationHistory | SubscriptionHistory | DisputeHistory | DemandHistory | OrderHistory


class Remark(Wire):
    reason: Prose | None = None


class HistoryView(Wire):
    """Who acted is named to the own department, its authority and auditors."""

    at: datetime
    action: str
    from_state: str | None
    to_state: str
    actor_kind: str
    actor_id: str | None
    actor_name: str | None
    actor_role: str | None
    actor_department: str | None
    actor_department_name: str | None
    department: str | None
    department_name: str | None
    details: dict[str, Any]


HISTORY = {
    "at",
    "action",
    "from_state",
    "to_state",
    "actor_kind",
    "actor_id",
    "department",
    "details",
}


def conditions_of(sent: Sequence[ConditionWire] | None) -> tuple[Condition, ...]:
    return tuple(condition.condition() for condition in sent or ())


async def history_views(
    session: ReadSession,
    principal: Principal,
    steps: Sequence[
        ApplicationHistory
        | SubscriptionHistory
        | DisputeHistory
        | DemandHistory
        | CorrectionHistory
        | OrderHistory
    ],
    permitted: Mapping[Any, Mapping[Any, frozenset[Role]]],
) -> list[HistoryView]:
    """Return the steps with names; people of others by role and department only."""
    views: list[Fields] = [step.model_dump(include=HISTORY) for step in steps]
    await names.add(session, views)
    by_name = {str(action): sides for action, sides in permitted.items()}

    def role(view: Fields, _field: str, member: Member) -> str | None:
        return acted_as(member, by_name.get(view["action"], {}))

    await names.add_people(session, principal, views, ["actor_id"], role)
    return [HistoryView.model_validate(view) for view in views]


def acted_as(member: Member, permitted: Mapping[Any, Collection[Role]]) -> str | None:
    """Return the role in which a person took an action: one that may, of those it holds."""
    roles = sorted(str(role) for roles in permitted.values() for role in roles)
    held = [role for role in roles if role in member.roles]
    return next(iter(held or roles), None)


def reason_of(body: Remark | None) -> str | None:
    return None if body is None else body.reason


def limits_of(settings: Settings) -> Limits:
    return Limits(
        reply_conditional=settings.reply_conditional_days,
        extension=settings.extension_days,
        delivery=settings.delivery_days,
        correction=settings.correction_days,
    )
