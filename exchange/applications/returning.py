"""Return flow (回流, Order 809 Art 24): data of a lower area go back to it, without conditions.

What is asked for is an entry of a higher division that is derived from an entry of the applicant,
and of it the rows of the applicant's own division, all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from auth.principal import Principal
from auth.regions.codes import significant
from auth.regions.tree import covers, current, same, spellings
from catalog import derivations
from catalog.contracts.model import DataType, Field
from exchange.applications.content import Content
from exchange.applications.narrowing import Narrowing
from exchange.applications.offers import Offer
from exchange.applications.tables import Application
from exchange.subscriptions.conditions import Condition, Op
from kernel.database import ReadSession
from kernel.errors import Conflict, FieldErrors

_CODES: Final = frozenset({DataType.CODE, DataType.STRING})


async def is_owed(
    session: ReadSession, principal: Principal, resource_id: str, region_code: str
) -> bool:
    """Whether the entry is of a division above and derived from one of the caller's department."""
    own = principal.region_code
    above = covers(region_code, own) and not same(region_code, own)
    return above and principal.department in await derivations.owners(session, resource_id)


async def check(session: ReadSession, principal: Principal, asked: Content, offer: Offer) -> None:
    """Raise Invalid with each reason why what is asked for is no return flow."""
    if not asked.return_flow:
        return
    errors = FieldErrors()
    own = principal.region_code
    if same(offer.region_code, own) or not covers(offer.region_code, own):
        _no_flow(errors, "资源不属于上级行政区划", "the entry is not of a division above")
    elif principal.department not in await derivations.owners(session, offer.resource_id):
        _no_flow(
            errors,
            "资源不是由本部门的目录加工而来（加工来源未列明）",
            "the entry is not derived from one of your department's",
        )
    if not any(holds_own_rows(condition, own, offer.fields) for condition in asked.row_filter):
        errors.add(
            "row_filter",
            "missing",
            f"回流须以区划项按本行政区划过滤，如 {own}",
            f"name a division item and your own division, such as {own}",
        )
    if asked.records_per_day is not None:
        errors.add(
            "records_per_day", "fixed", "回流不设配额（第二十四条）", "a return flow has no quota"
        )
    errors.raise_if_any()


def _no_flow(errors: FieldErrors, zh: str, en: str) -> None:
    errors.add("return_flow", "not_in_code_list", zh, en, allowed=["false"])


def holds_own_rows(condition: Condition, own: str, fields: Mapping[str, Field]) -> bool:
    """Whether nothing but rows of the division passes."""
    field = fields.get(condition.item)
    if field is None or field.data_type not in _CODES:
        return False
    if condition.op is Op.PREFIX:
        beginnings = {significant(code) for code in spellings(own)}
        return any(str(condition.value).startswith(each) for each in beginnings)
    if condition.op not in (Op.EQ, Op.IN):
        return False
    return all(covers(current(own), str(value)) for value in condition.values)


def require_no_refusal(application: Application) -> None:
    """Raise Conflict: neither is a return flow refused, nor sent to another source."""
    if application.return_flow:
        raise Conflict(
            "回流申请不得拒绝或转办：上级部门应当及时、完整回流（条例第二十四条）",
            "A return flow is neither refused nor rerouted: it is owed (Order 809 Art 24)",
        )


def check_whole(said: Narrowing, asked: Sequence[str]) -> None:
    """Raise Invalid for each condition that the provider sets on a return flow."""
    errors = FieldErrors()
    narrowed = {
        "items": said.items is not None and set(said.items) != set(asked),
        "row_filter": bool(said.row_filter),
        "records_per_day": said.records_per_day is not None,
        "valid_until": said.valid_until is not None,
    }
    for name in (name for name, is_so in narrowed.items() if is_so):
        zh, en = "回流不得增设条件（第二十四条）", "a return flow has no conditions (Art 24)"
        errors.add(name, "fixed", zh, en)
    errors.raise_if_any()
