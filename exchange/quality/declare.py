"""What a department declares of the quality of a resource, and what anybody reads of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from auth.delegations.states import Power
from auth.principal import Principal, Role
from catalog import versions
from exchange.events import ExchangeEvent
from exchange.quality import store
from exchange.quality.rules import Rule, rule_errors
from exchange.quality.tables import QualityCheck, QualityRules
from kernel import audit
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldErrors, PreconditionRequired, Stale
from kernel.workdays import local_date

__all__ = ["Measured", "Quality", "QualityCheck", "declare", "newest", "read"]

# Days that are told where none is asked for, and at most.
USUAL_DAYS: Final = 30
DAYS_MAX: Final = 92
# What was measured last is told of a resource for so long.
NEWEST: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Quality:
    """`revision` is that of the declared rules, 0 where there are none.

    Keys of records that failed are left out of `checks` where the caller may not see them.
    """

    rules: Sequence[Rule]
    revision: int
    since: date
    until: date
    checks: Sequence[QualityCheck]
    shows_keys: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """What the rules of one dimension found last, together."""

    dimension: str
    checked: int
    failed: int


async def declare(
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    rules: Sequence[Rule],
    *,
    revision: int | None,
    anyhow: bool = False,
    now: datetime,
) -> int:
    """Replace the rules of a resource; return their revision. They are measured from now on.

    The first ones need no `revision`, others that which was read or `anyhow`: raises
    PreconditionRequired, Stale, 403 errors, NotFound, and Invalid with every reason.
    """
    shown = await versions.shown(session, principal, resource_id)
    principal.require_role(Role.CLERK)
    principal.require_department(shown.resource.department)
    before = await store.rules_of(session, resource_id)
    if before is not None and revision is None and not anyhow:
        raise PreconditionRequired
    today = local_date(now)
    contract = await versions.shown_contract(session, principal, resource_id, on=today)
    fields = {field.name: field for field in contract.fields}
    FieldErrors(rule_errors(rules, fields)).raise_if_any()
    stored = [rule.stored() for rule in rules]
    new = QualityRules(
        resource_id=resource_id,
        revision=1,
        rules=stored,
        changed_by=principal.id,
        changed_at=now,
    )
    written = await store.write_rules(session, new, revision=revision, today=today)
    if written is None or (before is None and revision is not None):
        raise Stale
    event = ExchangeEvent.QUALITY_RULES_CHANGED
    facts = {"rules": [rule.id for rule in rules], "revision": written}
    audit.record(session, principal.actor, event, "resource", resource_id, **facts)
    return written


async def read(
    session: ReadSession,
    principal: Principal,
    resource_id: str,
    since: date | None,
    *,
    now: datetime,
) -> Quality:
    """Return what was measured since a day, DAYS_MAX days at most; raises NotFound."""
    shown = await versions.shown(session, principal, resource_id)
    today = local_date(now)
    first = since or today - timedelta(days=USUAL_DAYS)
    until = min(today, first + timedelta(days=DAYS_MAX - 1))
    declared = await store.rules_of(session, resource_id)
    own = principal.department == shown.resource.department
    staff = own and not principal.roles.isdisjoint((Role.CLERK, Role.HEAD))
    return Quality(
        rules=[] if declared is None else [Rule.of(each) for each in declared.rules],
        revision=0 if declared is None else declared.revision,
        since=first,
        until=until,
        checks=await store.measured(session, resource_id, first, until),
        shows_keys=staff and principal.has_power(Power.PUBLISH),
    )


async def newest(
    session: ReadSession, resource_ids: Collection[str], now: datetime
) -> Mapping[str, Sequence[Measured]]:
    """Return what was found last of each resource, by dimension."""
    found: dict[str, dict[str, Measured]] = {id_: {} for id_ in resource_ids}
    for row in await store.newest(session, resource_ids, local_date(now) - NEWEST):
        of = found[row.resource_id]
        before = of.get(row.dimension, Measured(row.dimension, 0, 0))
        of[row.dimension] = Measured(
            row.dimension, before.checked + row.checked, before.failed + row.failed
        )
    return {id_: tuple(by_dimension.values()) for id_, by_dimension in found.items()}
