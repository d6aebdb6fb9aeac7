"""Rules that a catalogue entry obeys, as a draft and when it is submitted; pure."""

from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping
from typing import Any

from catalog.contracts.model import DataType
from catalog.entries import Entry, Item, ShareType
from catalog.rules.law import is_express
from catalog.rules.references import misplaced_references
from kernel.errors import FieldError

# What the compilation guide writes where there is none (发改高技〔2017〕1272号).
NO_CONDITION = (None, "无条件")
KEY_TYPES = frozenset(
    {DataType.STRING, DataType.INTEGER, DataType.DATE, DataType.DATETIME, DataType.CODE}
)


def draft_errors(entry: Entry, data_types: Mapping[str, DataType]) -> list[FieldError]:
    """Return what is wrong; `data_types` are those of the elements that exist."""
    return [
        *_sharing(entry),
        *_names(entry.items),
        *_elements(entry.items, data_types),
        *_keys(entry.items, data_types),
        *misplaced_references(entry.items),
    ]


def _sharing(entry: Entry) -> Iterator[FieldError]:
    if entry.share_type is ShareType.NONE:
        if not entry.legal_basis:
            yield FieldError(
                "legal_basis",
                "missing",
                "不予共享须写明法律、行政法规或国务院决定依据",
                "not sharing needs its basis in a law, regulation or State Council decision",
            )
        elif not is_express(entry.legal_basis):
            yield FieldError(
                "legal_basis",
                "pattern",
                "须写明法律、行政法规或国务院决定的名称和条款，如《中华人民共和国统计法》第二十五条；"
                "部门规章和地方规定不能作为不予共享的依据",
                "should name a law, regulation or State Council decision and its article, "
                "like 《统计法》第九条; rules of ministries or regions forbid nothing",
            )
        return
    if entry.share_type is ShareType.UNCONDITIONAL:
        yield from _conditions(entry)
    if not entry.share_modes:
        yield FieldError(
            "share_modes", "too_short", "至少一种共享方式", "at least one mode of sharing is needed"
        )
    if entry.share_type is ShareType.CONDITIONAL:
        for path in ("share_conditions", "share_scope", "share_purposes"):
            if not getattr(entry, path):
                yield FieldError(
                    path,
                    "missing",
                    "有条件共享须在目录中列明条件、范围和用途（第十五条）",
                    "conditional sharing states conditions, scope and purposes (Art 15)",
                )


def _conditions(entry: Entry) -> Iterator[FieldError]:
    """Yield conditions on what is shared with every department (Art 14, 15)."""
    for path in ("share_conditions", "share_scope", "share_purposes"):
        if getattr(entry, path) not in NO_CONDITION:
            yield FieldError(
                path,
                "not_allowed",
                "无条件共享的数据不得设置共享条件、范围或用途（第十五条）",
                "unconditional data has no conditions, scope or purposes (Art 15)",
            )


def _names(items: Collection[Item]) -> Iterator[FieldError]:
    count = Counter(item.name for item in items)
    for place, item in enumerate(items):
        if count[item.name] > 1:
            yield FieldError(
                f"items[{place}].name", "duplicate", "信息项名称重复", "the name is used twice"
            )


def _elements(items: Collection[Item], data_types: Mapping[str, DataType]) -> Iterator[FieldError]:
    for place, item in enumerate(items):
        if item.element not in data_types:
            yield FieldError(
                f"items[{place}].element",
                "not_found",
                f"数据元 {item.element} 未登记",
                f"element {item.element} is not registered",
            )


def retired_errors(items: Collection[Item], retired: Container[str]) -> Iterator[FieldError]:
    """Yield items that are newly bound to a retired element."""
    for place, item in enumerate(items):
        if item.element in retired:
            yield FieldError(
                f"items[{place}].element",
                "retired",
                f"数据元 {item.element} 已停用，不能新绑定",
                f"element {item.element} was retired: bind another one",
            )


def _keys(items: Collection[Item], data_types: Mapping[str, DataType]) -> Iterator[FieldError]:
    if not any(item.key for item in items):
        yield FieldError(
            "items", "missing", "至少一个信息项须为主键", "at least one item must be a key"
        )
    for place, item in enumerate(items):
        if not item.key:
            continue
        if not item.required:
            yield FieldError(
                f"items[{place}].required",
                "out_of_range",
                "主键信息项必须为必填",
                "a key item is required in every record",
            )
        if data_types.get(item.element, DataType.STRING) not in KEY_TYPES:
            yield FieldError(
                f"items[{place}].element",
                "wrong_type",
                "该类型的数据元不能作主键",
                "an element of this type cannot be a key",
            )


def key_errors(items: Collection[Item], in_force: Collection[Item]) -> Iterator[FieldError]:
    """Yield a change of the key: records are known by it in every version, and deletes too."""
    if _key(items) != _key(in_force):
        names = "、".join(name for name, _element in _key(in_force))
        yield FieldError(
            "items",
            "fixed",
            f"主键项首次发布后不能更改（名称、数据元、顺序）：{names}",
            f"key items, their elements and order are fixed by the first publication: {names}",
        )


def _key(items: Collection[Item]) -> list[tuple[str, str]]:
    return [(item.name, item.element) for item in items if item.key]


def review_errors(reviews: Mapping[str, Mapping[str, Any]]) -> Iterator[FieldError]:
    """Yield the assessments, as stored, that forbid submission (Order 809 Art 3 and 12)."""
    if not reviews["secrecy"]["passed"]:
        yield FieldError(
            "reviews.secrecy.passed",
            "review_not_passed",
            "未通过保密审查的数据不得编目",
            "what did not pass the secrecy review cannot enter the catalogue",
        )
    if not reviews["privacy"]["passed"]:
        yield FieldError(
            "reviews.privacy.passed",
            "review_not_passed",
            "未通过个人信息保护影响评估",
            "the personal information impact assessment was not passed",
        )
