"""Wire shapes that applications and subscriptions have in common."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from exchange.applications.deadlines import Limits
from exchange.applications.register import ApplicationHistory
from exchange.subscriptions.conditions import CHOICES_MAX, CONDITIONS_MAX, TEXT_MAX, Condition, Op
from exchange.subscriptions.register import SubscriptionHistory
from kernel.settings import Settings
from kernel.wire import Wire

Id = Annotated[str, Field(min_length=1, max_length=64)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Prose = Annotated[str, Field(min_length=1, max_length=2000)]
Text = Annotated[StrictStr, Field(max_length=TEXT_MAX)]
Scalar = StrictBool | StrictInt | StrictFloat | Text
Choices = Annotated[list[Scalar], Field(min_length=1, max_length=CHOICES_MAX)]
Items = Annotated[list[Id], Field(min_length=1, max_length=1000)]
Mode = Literal["pull", "push", "query", "verify", "file", "table"]
PerDay = Annotated[StrictInt, Field(ge=1, le=2**53)]


class ConditionWire(Wire):
    """`in` has a list, every other `op` one value of the item's type."""

    item: Id
    op: Op
    value: Scalar | Choices

    def condition(self) -> Condition:
        value = tuple(self.value) if isinstance(self.value, list) else self.value
        return Condition(self.item, self.op, value)


Filter = Annotated[list[ConditionWire], Field(max_length=CONDITIONS_MAX)]


class Remark(Wire):
    reason: Prose | None = None


class HistoryView(Wire):
    at: datetime
    action: str
    from_state: str | None
    to_state: str
    actor_kind: str
    actor_id: str
    department: str | None
    details: dict[str, Any]


def conditions_of(sent: Sequence[ConditionWire] | None) -> tuple[Condition, ...]:
    return tuple(condition.condition() for condition in sent or ())


def history_view(step: ApplicationHistory | SubscriptionHistory) -> HistoryView:
    return HistoryView.model_validate(step.model_dump(include=set(HistoryView.model_fields)))


def reason_of(body: Remark | None) -> str | None:
    return None if body is None else body.reason


def limits_of(settings: Settings) -> Limits:
    return Limits(
        reply_conditional=settings.reply_conditional_days,
        extension=settings.extension_days,
        delivery=settings.delivery_days,
        correction=settings.correction_days,
    )
