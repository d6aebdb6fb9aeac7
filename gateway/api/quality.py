"""`/v1/resources/{id}/quality`: what was measured by day, and the rules that are declared."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StrictFloat, StrictInt

from exchange.quality import declare
from exchange.quality.declare import QualityCheck
from exchange.quality.rules import RULES_MAX, Dimension, Kind, Op, Rule
from gateway import names
from gateway.api.entries import ItemName
from gateway.api.resources import ResourceId
from gateway.lists import HeededRevision, tag
from gateway.principal import CatalogReader, CatalogWriter
from gateway.services import Reading, Writing
from kernel import clock
from kernel.wire import Day, Verbatim, Wire

router = APIRouter(prefix="/v1/resources", tags=["resources"])

RULE_ITEMS_MAX = 20
Threshold = Annotated[StrictInt | StrictFloat, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]


class RuleWire(Wire):
    """`threshold`: a number to compare with, days, or the least share that keeps the rule.

    `answered` has no items: it is of the reads of an hour, not of records.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    dimension: Dimension
    kind: Kind
    items: Annotated[list[ItemName], Field(max_length=RULE_ITEMS_MAX, default_factory=list)]
    op: Op | None = None
    threshold: Threshold | None = None

    def rule(self) -> Rule:
        number = None if self.threshold is None else Decimal(str(self.threshold))
        fields = self.model_dump(exclude={"items", "threshold"})
        return Rule(**fields, items=tuple(self.items), threshold=number)

    @classmethod
    def of(cls, rule: Rule) -> "RuleWire":
        number = None if rule.threshold is None else float(rule.threshold)
        fields = {name: getattr(rule, name) for name in ("id", "dimension", "kind", "op")}
        return cls(**fields, items=list(rule.items), threshold=number)


class RulesView(Wire):
    revision: int
    rules: list[RuleWire]


class CheckView(Wire):
    """`sample_keys` are of records that failed, told to the provider's own staff alone."""

    day: Day
    dimension: Dimension
    rule: str
    checked: int
    failed: int
    sample_keys: Annotated[list[Verbatim] | None, Field(exclude_if=lambda keys: keys is None)] = (
        None
    )


class QualityView(Wire):
    """What was measured from `since` to `until`, both included; `revision` is of the rules."""

    resource_id: str
    resource_name: str | None
    since: Day
    until: Day
    revision: int
    rules: list[RuleWire]
    items: list[CheckView]


@router.get("/{resource_id}/quality")
async def read(
    resource_id: ResourceId,
    session: Reading,
    principal: CatalogReader,
    response: Response,
    since: Annotated[
        date | None, Query(description="起始日期 / first day; 92 days at most")
    ] = None,
) -> QualityView:
    """按维度的数据质量，逐日 / what the rules of each dimension found, day by day."""
    found = await declare.read(session, principal, resource_id, since, now=clock.now())
    tag(response, found.revision)
    fields: dict[str, Any] = {"resource_id": resource_id}
    await names.add(session, [fields])
    return QualityView(
        **fields,
        since=found.since,
        until=found.until,
        revision=found.revision,
        rules=[RuleWire.of(rule) for rule in found.rules],
        items=[_check(each, shows_keys=found.shows_keys) for each in found.checks],
    )


@router.put("/{resource_id}/quality-rules")
async def change(
    resource_id: ResourceId,
    body: Annotated[list[RuleWire], Field(max_length=RULES_MAX)],
    revision: HeededRevision,
    request: Request,
    session: Writing,
    principal: CatalogWriter,
    response: Response,
) -> RulesView:
    """声明质量规则，已有规则须带 If-Match / declare rules; If-Match where there are some."""
    rules = [each.rule() for each in body]
    written = await declare.declare(
        session,
        principal,
        resource_id,
        rules,
        revision=revision,
        anyhow="if-match" in request.headers,
        now=clock.now(),
    )
    tag(response, written)
    return RulesView(revision=written, rules=[RuleWire.of(rule) for rule in rules])


def _check(found: QualityCheck, *, shows_keys: bool) -> CheckView:
    return CheckView(
        day=found.day,
        dimension=Dimension(found.dimension),
        rule=found.rule,
        checked=found.checked,
        failed=found.failed,
        sample_keys=list(found.sample_keys) if shows_keys else None,
    )
