"""The nine indicators of sharing (Order 809 Art 38), each with its formula; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from exchange.supervision import cases


@dataclass(frozen=True, slots=True)
class Indicator:
    """`cases` is the SELECT of its cases; a `count` has no denominator: its value is the sum.

    `sums`, where there are any, come to the same as the cases and are fewer.
    """

    id: str
    name: str
    name_en: str
    formula: str
    formula_en: str
    cases: str
    count: bool = False
    sums: str = ""

    @property
    def counted(self) -> str:
        """The SELECT from which it is counted."""
        return self.sums or self.cases

    def value(self, numerator: int, denominator: int | None) -> float | None:
        """Return the share, or the sum of a count; None where nothing was due."""
        if self.count:
            return numerator
        return numerator / denominator if denominator else None


_ALL: Final = (
    Indicator(
        "mounted",
        "挂接率",
        "Mounted",
        "期末已挂接数据的在用目录条目 ÷ 期末在用目录条目",
        "entries in force with data at the end ÷ entries in force at the end",
        cases.MOUNTED,
        sums=cases.MOUNTED_SUMS,
    ),
    Indicator(
        "updated_timely",
        "更新及时率",
        "Updated in time",
        "按更新周期更新的条目日数 ÷ 有更新周期的条目日数",
        "days of entries within their cycle ÷ days of entries that have a cycle",
        cases.UPDATED,
        sums=cases.UPDATED_SUMS,
    ),
    Indicator(
        "answered_timely",
        "按时答复率",
        "Answered in time",
        "在时限内同意、拒绝或转办的申请 ÷ 时限在期内、已答复或已逾期的申请",
        "applications answered in time ÷ those of the period that are answered or late",
        cases.ANSWERED,
    ),
    Indicator(
        "delivered_timely",
        "按时供给率",
        "Delivered in time",
        "在时限内提供数据的共享授权 ÷ 时限在期内、已提供或已逾期的共享授权",
        "subscriptions served in time (C6) ÷ those of the period that are served or late",
        cases.DELIVERED,
    ),
    Indicator(
        "demands_met",
        "需求满足率",
        "Demands met",
        "期内满足的数据需求 ÷ 期内了结（满足或关闭）的数据需求",
        "demands met ÷ demands that ended (met or closed) in the period",
        cases.DEMANDS_MET,
    ),
    Indicator(
        "corrected_timely",
        "校核按时率",
        "Corrected in time",
        "在时限内办结的校核 ÷ 时限在期内、已办结或已逾期的校核",
        "corrections worked in time (C7) ÷ those of the period that are worked or late",
        cases.CORRECTED,
    ),
    Indicator(
        "quality_passed",
        "质量合格率",
        "Quality passed",
        "通过的质量检查 ÷ 所做的质量检查",
        "checks of quality passed ÷ checks made",
        cases.QUALITY,
        sums=cases.QUALITY_SUMS,
    ),
    Indicator(
        "calls",
        "调用量",
        "Calls",
        "期内携带数据的应答数",
        "answers that carried data in the period",
        cases.CALLS,
        count=True,
    ),
    Indicator(
        "returned",
        "回流率",
        "Returned",
        "下级地区已取用的回流条目 ÷（下级地区 × 由其条目派生的在用条目）",
        "live return flows ÷ (lower division × entry in force derived from its entries)",
        cases.RETURNED,
    ),
)
INDICATORS: Final[Mapping[str, Indicator]] = MappingProxyType({each.id: each for each in _ALL})
# What counts days of law: by these a league is put in order.
DEADLINES: Final = ("answered_timely", "delivered_timely", "corrected_timely")
# The updates of entries are counted by days and stand beside them.
LEAGUE: Final = (*DEADLINES, "updated_timely")
