"""Whether a record is as somebody expects it, found out by the same comparisons always; pure.

A key that there is not, a row that is hidden and a wrong value cost the same: every comparison is
made, whatever came of those before it, and for what is not there on a record without items.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from exchange.delivery.projection.filters import Test, compile_test, never
from exchange.delivery.projection.views import VersionView
from exchange.subscriptions.conditions import Condition, Op, Scalar

NOTHING: Final = b"{}"
_decode: Final = msgspec.json.Decoder(dict[str, Raw]).decode


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What is asked of a record of one version: of expected items, and by the row filter.

    Each names the item in the record, None where the version has none such, and its test.
    """

    expected: Sequence[tuple[str, str | None, Test]]
    filters: Sequence[tuple[str | None, Test]]

    def mismatched(self, value: bytes) -> list[str]:
        """Return the expected items, by their granted names, that a record does not have so.

        A record that the filter hides has none of them.
        """
        record = _decode(value)
        passes = [test(_of(record, item)) for item, test in self.filters]
        matches = [test(_of(record, item)) for _granted, item, test in self.expected]
        shows = all(passes)
        pairs = zip(self.expected, matches, strict=True)
        return [granted for (granted, _item, _test), match in pairs if not (shows and match)]


def _of(record: Mapping[str, Raw], item: str | None) -> Any:  # noqa: ANN401 - any JSON
    return UNSET if item is None else record.get(item, UNSET)


def comparisons(
    view: VersionView,
    expect: Mapping[str, Scalar],
    compiled: Callable[[Condition, Any], Test] = compile_test,
) -> Comparisons:
    """Return the comparisons of a version for the expected values of granted items."""
    fields = {field.name: field for field in view.fields}
    names = {item.granted: item.name for item in view.items}
    expected = []
    for granted, value in expect.items():
        name = names.get(granted)
        test: Test = never
        if name is not None:
            test = compiled(Condition(name, Op.EQ, value), fields[name].data_type)
        expected.append((granted, name, test))
    filters = [
        (None, never) if field is None else (field.name, compiled(condition, field.data_type))
        for condition, field in view.filtered
    ]
    return Comparisons(expected, filters)
