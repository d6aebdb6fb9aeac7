"""An item is of the source, or refers to it (Order 809 Art 19, P1); pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from catalog.entries import Item, ItemRole
from kernel.errors import FieldError

ALLOWED_MAX = 100


def misplaced_references(items: Collection[Item]) -> Iterator[FieldError]:
    """Yield items that say where they come from and are said to be collected here."""
    for place, item in enumerate(items):
        if item.role is ItemRole.SOURCE and item.refers_to is not None:
            yield FieldError(
                f"items[{place}].refers_to",
                "not_allowed",
                "数源信息项由本部门采集，不能引用其他资源",
                "an item of role source is collected here and refers to nothing",
            )


def role_errors(
    items: Collection[Item], sources: Mapping[str, str], department: str
) -> Iterator[FieldError]:
    """Yield claims to be the source where another is, and references to no source at all.

    `sources` are the departments that are the source of an element in the region or above.
    """
    for place, item in enumerate(items):
        source = sources.get(item.element)
        if item.role is ItemRole.SOURCE and source != department:
            yield FieldError(
                f"items[{place}].role",
                "not_the_source",
                f"本部门不是数据元 {item.element} 在该区划的数源，只能引用",
                f"the department is not the source of {item.element} in this region: use reference",
            )
        elif item.role is ItemRole.REFERENCE and source is None:
            yield FieldError(
                f"items[{place}].role",
                "no_source",
                f"数据元 {item.element} 在该区划及其上级没有生效的数源，须先认责并指定",
                f"element {item.element} has no active source in this region or above: "
                "claim it and have it designated first",
            )


def origin_errors(
    items: Collection[Item],
    sources: Mapping[str, str],
    offered: Mapping[str, Sequence[str]],
    department: str,
) -> Iterator[FieldError]:
    """Yield references that do not say which resource of their source they come from.

    `offered` are the published resources of each element's source that hold it. A source that
    publishes none needs not be named; nor does a department say that it refers to itself.
    """
    for place, item in enumerate(items):
        if item.role is ItemRole.SOURCE or item.element not in sources:
            continue
        choice = offered.get(item.element, ())
        is_own = sources[item.element] == department
        if item.refers_to is None and choice and not is_own:
            yield _origin_missing(place, item, choice)
        elif item.refers_to is not None and item.refers_to not in choice:
            yield _origin_unknown(place, item, choice)


def _origin_missing(place: int, item: Item, choice: Sequence[str]) -> FieldError:
    return FieldError(
        f"items[{place}].refers_to",
        "missing",
        f"数源部门已发布含数据元 {item.element} 的资源，须注明引用自哪一个",
        f"the source of {item.element} publishes a resource with it: say which one is referred to",
        allowed=tuple(choice[:ALLOWED_MAX]),
    )


def _origin_unknown(place: int, item: Item, choice: Sequence[str]) -> FieldError:
    return FieldError(
        f"items[{place}].refers_to",
        "not_in_code_list",
        f"不是数据元 {item.element} 的数源部门已发布的、含该数据元的资源",
        f"is no published resource of the source of {item.element} that holds it",
        allowed=tuple(choice[:ALLOWED_MAX]),
    )
