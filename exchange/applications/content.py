"""What an application must say (Order 809 Art 20), checked against the catalogue; pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from datetime import date
from typing import Any, Final

from catalog.contracts.model import Field
from exchange.modes import SERVED
from exchange.periods import check_until
from exchange.subscriptions import conditions
from exchange.subscriptions.conditions import Condition
from kernel.errors import FieldErrors


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Legal basis, scenario, scope, mode and period; `valid_until` is inclusive.

    `editions` are those of code lists in which the values of items are wanted; a `return_flow` is
    owed (Art 24).
    """

    client_id: str
    items: tuple[str, ...]
    mode: str
    basis: str
    scenario: str
    scope: str
    valid_until: date
    commitment: bool
    valid_from: date | None = None
    row_filter: tuple[Condition, ...] = ()
    records_per_day: int | None = None
    editions: Mapping[str, str] = field(default_factory=dict)
    return_flow: bool = False

    def columns(self) -> dict[str, Any]:
        """Return the content as it is stored."""
        return {
            "client_id": self.client_id,
            "items": list(self.items),
            "mode": self.mode,
            "basis": self.basis,
            "scenario": self.scenario,
            "scope": self.scope,
            "valid_until": self.valid_until,
            "commitment": self.commitment,
            "valid_from": self.valid_from,
            "row_filter": [condition.as_json() for condition in self.row_filter],
            "records_per_day": self.records_per_day,
            "editions": dict(self.editions),
            "return_flow": self.return_flow,
        }


def check(
    content: Content,
    *,
    fields: Mapping[str, Field],
    masked: Collection[str],
    modes: Collection[str],
    today: date,
    kept: Collection[Condition] = (),
) -> None:
    """Raise Invalid with every reason why the provider could not even consider it.

    A filter names items that are asked for and not `masked`: any other would be a question about
    values that are not shown, answered by which rows are. Conditions that are `kept` are those of
    a grant that goes on.
    """
    errors = FieldErrors()
    _check_items(content.items, fields, errors)
    if content.mode not in modes:
        offered = ", ".join(sorted(modes))
        errors.add(
            "mode",
            "not_in_code_list",
            f"该资源的共享方式只有 {offered}",
            f"the resource is shared by {offered} only",
            allowed=sorted(modes),
        )
    elif content.mode not in SERVED:
        errors.add(
            "mode",
            "mode_not_served",
            f"平台目前不提供 {content.mode} 方式，可申请：{', '.join(SERVED)}",
            f"the platform does not serve {content.mode} yet; apply for {', '.join(SERVED)}",
            allowed=sorted(SERVED),
        )
    if not content.commitment:
        errors.add(
            "commitment",
            "not_in_code_list",
            "须承诺真实、合法、必要并按所申请的范围使用",
            "commit to truthful, lawful and necessary use",
            allowed=["true"],
        )
    _check_period(content, today, errors)
    conditions.check(content.row_filter, fields, errors)
    seen = set(content.items).difference(masked)
    for index, condition in enumerate(content.row_filter):
        if condition in kept:
            continue
        if condition.item in fields and condition.item not in seen:
            errors.add(
                f"row_filter[{index}].item",
                "filter_not_granted",
                f"行过滤只能使用所申请且不脱敏的信息项；{condition.item} 未申请或须脱敏",
                f"a row filter names items that are asked for and not masked; {condition.item} is"
                " not, and the provider may set that condition when agreeing",
            )
    errors.raise_if_any()


# What a renewal, and what an amendment may ask to have otherwise.
_REASONS: Final = frozenset({"basis", "scenario", "scope", "commitment"})
RENEWABLE: Final = _REASONS | {"valid_until"}
AMENDABLE: Final = _REASONS | {"items", "records_per_day", "row_filter", "mode", "client_id"}


def require_fixed(asked: Content, granted: Content, *, renewal: bool) -> None:
    """Raise Invalid for each term that a renewal or an amendment cannot change."""
    errors = FieldErrors()
    changeable = RENEWABLE if renewal else AMENDABLE
    for name in (each.name for each in fields_of(Content)):
        if name not in changeable and getattr(asked, name) != getattr(granted, name):
            errors.add(
                name,
                "fixed",
                f"续期或变更不能改变 {name}；请另行申请",
                f"{name} cannot change here: apply for another subscription",
            )
    errors.raise_if_any()


def _check_items(items: tuple[str, ...], fields: Mapping[str, Field], errors: FieldErrors) -> None:
    if not items:
        errors.add("items", "too_short", "至少申请一个信息项", "ask for one item at least")
    for index, item in enumerate(items):
        if item not in fields:
            errors.add(
                f"items[{index}]",
                "unknown_item",
                f"资源没有信息项 {item}",
                f"the resource has no item {item}",
            )
        elif item in items[:index]:
            errors.add(f"items[{index}]", "duplicate_key", f"{item} 重复", f"{item} is repeated")


def _check_period(content: Content, today: date, errors: FieldErrors) -> None:
    check_until("valid_until", content.valid_until, today, errors)
    start = content.valid_from
    if start is not None and start > content.valid_until:
        errors.add(
            "valid_from", "out_of_range", "起始日不得晚于截止日", "must not be after valid_until"
        )
