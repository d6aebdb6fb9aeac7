"""Why a request was refused, or what a token may do: the chain of checks."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col

from auth.duties import divisions
from auth.errors import RoleRequired
from auth.principal import Principal, Role
from gateway.checks import RULES, Check, check_of
from kernel.database import ReadSession
from kernel.errors import NotFound, Text, Unauthorized
from kernel.refusals import find
from kernel.tables import RefusalRow
from kernel.wire import Wire

Outcome = Literal["passed", "failed", "not_reached"]

OF_DEPARTMENT = frozenset({Role.CLERK, Role.HEAD})
OF_REGION = frozenset({Role.SECURITY, Role.AUDITOR})


class CheckView(Wire):
    """One check; `rule` and `remedy` say what it wants and what would make it pass."""

    check: Check
    outcome: Outcome
    code: str | None = None
    facts: dict[str, Any]
    rule: str
    remedy: str | None = None


def sight(principal: Principal) -> Sequence[ColumnElement[bool]]:
    """Return which refusals the caller may read; raises RoleRequired.

    The department's for its clients, clerks and heads; the region's for security and auditors.
    """
    criteria = list[ColumnElement[bool]]()
    if principal.kind == "client" or principal.roles & OF_DEPARTMENT:
        criteria.append(col(RefusalRow.department) == principal.department)
    if principal.roles & OF_REGION:
        beneath = divisions(principal.region_code)
        criteria.append(or_(*(col(RefusalRow.region_code).startswith(code) for code in beneath)))
    if not criteria:
        raise RoleRequired(OF_DEPARTMENT | OF_REGION)
    return [or_(*criteria)]


async def load(session: ReadSession, principal: Principal, correlation_id: str) -> RefusalRow:
    """Return a refusal that the caller may read; raises NotFound, RoleRequired."""
    return _existing(await find(session, correlation_id, sight(principal)))


async def load_own(session: ReadSession, principal: Principal, correlation_id: str) -> RefusalRow:
    """Like `load`; one's own refusals may be read by anybody."""
    own = and_(
        col(RefusalRow.actor_kind) == principal.kind, col(RefusalRow.actor_id) == principal.id
    )
    try:
        visible = or_(own, *sight(principal))
    except RoleRequired:
        visible = own
    return _existing(await find(session, correlation_id, [visible]))


def _existing(row: RefusalRow | None) -> RefusalRow:
    if row is None:
        raise NotFound
    return row


def chain(failed: Check, *, code: str, facts: Mapping[str, Any], english: bool) -> list[CheckView]:
    """Return all checks: those before the failed one have passed, later ones were not reached."""
    views = list[CheckView]()
    outcome: Outcome = "passed"
    for check in Check:
        if check is failed:
            views.append(failing(check, code, facts, english=english))
            outcome = "not_reached"
        else:
            views.append(_view(check, outcome, {}, english=english))
    return views


def failing(check: Check, code: str, facts: Mapping[str, Any], *, english: bool) -> CheckView:
    rule = RULES[check]
    return CheckView(
        check=check,
        outcome="failed",
        code=code,
        facts=dict(facts),
        rule=say(rule.rule, english=english),
        remedy=say(rule.remedy, english=english),
    )


def of_refusal(row: RefusalRow, *, english: bool) -> list[CheckView]:
    """Return the chain of a kept refusal."""
    failed = check_of(row.code, row.status)
    return chain(failed, code=row.code, facts=row.facts, english=english)


def of_token(
    principal: Principal | None, error: Unauthorized | None, *, english: bool
) -> list[CheckView]:
    """Return what is known from a token alone: all but scope and role depends on the request."""
    if principal is None:
        code = error.code if error else "token_invalid"
        return chain(Check.TOKEN, code=code, facts={}, english=english)
    claims: dict[Check, dict[str, Any]] = {
        Check.TOKEN: {"subject": principal.id, "expires_at": int(principal.expires_at)},
        Check.SCOPE: {"scopes": sorted(principal.scopes)},
        Check.ROLE: {"roles": sorted(principal.roles)},
        Check.DEPARTMENT: {"department": principal.department},
    }
    return [
        _view(
            check,
            "passed" if check is Check.TOKEN else "not_reached",
            claims.get(check, {}),
            english=english,
        )
        for check in Check
    ]


def _view(check: Check, outcome: Outcome, facts: Mapping[str, Any], *, english: bool) -> CheckView:
    rule = say(RULES[check].rule, english=english)
    return CheckView(check=check, outcome=outcome, facts=dict(facts), rule=rule)


def say(text: Text, *, english: bool) -> str:
    return text.en if english else text.zh
