"""An agreement may narrow what was asked for, never widen it (`api.md` section 4); pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from catalog.contracts.model import Field
from exchange.subscriptions import conditions
from exchange.subscriptions.conditions import Condition
from kernel.errors import FieldErrors


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is asked for, or granted."""

    items: tuple[str, ...]
    valid_until: date
    row_filter: tuple[Condition, ...] = ()
    records_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Present:
    """The filter and mode of a grant that goes on."""

    row_filter: tuple[Condition, ...]
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What the provider's head says when agreeing; None leaves a term as it was asked for.

    `detail` lets a verify name the items that do not match; `ledger` has each page written down.
    """

    items: tuple[str, ...] | None = None
    unmasked: tuple[str, ...] = ()
    row_filter: tuple[Condition, ...] = ()
    records_per_day: int | None = None
    valid_until: date | None = None
    note: str | None = None
    detail: bool = False
    ledger: bool = False


def narrow(
    asked: Terms,
    said: Narrowing,
    *,
    fields: Mapping[str, Field],
    masked: Collection[str],
    today: date,
    present: Present | None = None,
) -> Terms:
    """Return the granted terms; raises Invalid with the path of each attempt to widen.

    The provider's own conditions may name any item. What the applicant filters on must stay granted
    and unmasked, unless the provider says the same condition. What goes on is `present`: its
    conditions may stay.
    """
    errors = FieldErrors()
    items = asked.items if said.items is None else said.items
    _check_items(items, asked, fields, errors)
    _check_unmasked(said.unmasked, items, masked, errors)
    conditions.check(said.row_filter, fields, errors)
    # A condition on an item that a newer version dropped cannot be left out: that would widen.
    conditions.check(asked.row_filter, fields, errors, "application.row_filter")
    visible = [item for item in items if item not in masked or item in said.unmasked]
    known = (*said.row_filter, *(() if present is None else present.row_filter))
    _check_filtered(asked.row_filter, known, visible, errors)
    _check_quota(asked.records_per_day, said.records_per_day, errors)
    _check_period(asked.valid_until, said.valid_until, today, errors)
    errors.raise_if_any()
    return Terms(
        items=items,
        valid_until=said.valid_until or asked.valid_until,
        row_filter=conditions.joined(asked.row_filter, said.row_filter),
        records_per_day=said.records_per_day or asked.records_per_day,
    )


def _check_items(
    items: tuple[str, ...], asked: Terms, fields: Mapping[str, Field], errors: FieldErrors
) -> None:
    if not items:
        errors.add("items", "too_short", "至少同意一个信息项", "agree to one item at least")
    for index, item in enumerate(items):
        if item not in asked.items:
            errors.add(
                f"items[{index}]",
                "unknown_item",
                f"未申请信息项 {item}，不得扩大",
                f"{item} was not asked for: an agreement never widens",
            )
        elif item not in fields:
            errors.add(
                f"items[{index}]",
                "unknown_item",
                f"现行版本已没有信息项 {item}，请以 items 缩小范围",
                f"the version in force has no item {item}: narrow by naming the others",
            )
        elif item in items[:index]:
            errors.add(f"items[{index}]", "duplicate_key", f"{item} 重复", f"{item} is repeated")


def _check_unmasked(
    unmasked: tuple[str, ...], items: tuple[str, ...], masked: Collection[str], errors: FieldErrors
) -> None:
    for index, item in enumerate(unmasked):
        if item not in items or item not in masked:
            errors.add(
                f"unmasked[{index}]",
                "unknown_item",
                f"{item} 不是所同意的脱敏信息项",
                f"{item} is not a masked item of this agreement",
            )


def _check_filtered(
    asked: Sequence[Condition],
    known: Sequence[Condition],
    shown: Collection[str],
    errors: FieldErrors,
) -> None:
    repeated = [repr(condition) for condition in known]
    for index, condition in enumerate(asked):
        if condition.item not in shown and repr(condition) not in repeated:
            errors.add(
                f"application.row_filter[{index}].item",
                "filter_not_granted",
                f"申请以 {condition.item} 过滤，但该项未同意或须脱敏；如仍按此条件提供，请在"
                " row_filter 中写明该条件",
                f"the application filters on {condition.item}, which would not be granted unmasked;"
                " to keep the condition, repeat it in row_filter",
            )


def _check_quota(asked: int | None, said: int | None, errors: FieldErrors) -> None:
    if asked is not None and said is not None and said > asked:
        errors.add(
            "records_per_day",
            "out_of_range",
            f"不得超过所申请的每日 {asked} 条",
            f"at most the {asked} a day that were asked for",
        )


def _check_period(asked: date, said: date | None, today: date, errors: FieldErrors) -> None:
    if said is not None and said > asked:
        errors.add(
            "valid_until",
            "out_of_range",
            f"不得晚于所申请的 {asked}",
            f"not after {asked}, which was asked for",
        )
    elif (said or asked) < today:
        errors.add("valid_until", "out_of_range", "有效期已过", "the period is over already")
