"""Indicators, violations and flows as workbooks, in the words of people."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from gateway.api.statistics_shapes import FlowView, IndicatorView, ViolationCount
from kernel.workbooks.writing import Heading, Sheet, write

WIDE: Final = 40
INDICATORS: Final = (
    Heading("指标"),
    Heading("计算方法", width=WIDE),
    Heading("分组"),
    Heading("分组名称", width=WIDE),
    Heading("分子"),
    Heading("分母"),
    Heading("值"),
)
VIOLATIONS: Final = (Heading("条款"), Heading("违规类型", width=WIDE), Heading("次数"))
CASES: Final = (
    Heading("违规类型", width=WIDE),
    Heading("部门", width=WIDE),
    Heading("行政区划"),
    Heading("事项"),
    Heading("事项标识", width=WIDE),
    Heading("时限"),
    Heading("发现时间", width=24),
    Heading("督办单", width=WIDE),
)
SUMS: Final = (Heading("应答数"), Heading("记录数"), Heading("字节数"))
LEAGUE: Final = (
    Heading("名次"),
    Heading("部门"),
    Heading("部门名称", width=WIDE),
    Heading("按时办结"),
    Heading("应办"),
    Heading("按时比例"),
)
FLOWS: Final = (
    Heading("提供方"),
    Heading("提供方名称", width=WIDE),
    Heading("使用方"),
    Heading("使用方名称", width=WIDE),
    *SUMS,
)


def indicators(rows: Sequence[IndicatorView]) -> bytes:
    cells = (
        (
            row.name,
            row.formula,
            row.group,
            row.group_name,
            row.numerator,
            row.denominator,
            row.value,
        )
        for row in rows
    )
    return write([Sheet("指标", INDICATORS, _text(cells))])


def violations(rows: Sequence[ViolationCount]) -> bytes:
    """Write the counts, and the newest cases on a sheet of their own."""
    counts = ((f"第{row.article}条", row.name, row.count) for row in rows)
    cases = (
        (
            row.name,
            case.department_name or case.department,
            case.region_code,
            case.thing,
            case.thing_id,
            case.due_on,
            case.occurred_at.isoformat(),
            case.order_id,
        )
        for row in rows
        for case in row.cases
    )
    return write([Sheet("违规", VIOLATIONS, _text(counts)), Sheet("最近情形", CASES, _text(cases))])


def flows(rows: Sequence[FlowView]) -> bytes:
    cells = (
        (
            row.provider_department or row.provider_region,
            row.provider_name or row.provider_region_name,
            row.consumer_department or row.consumer_region,
            row.consumer_name or row.consumer_region_name,
            row.answers,
            row.records,
            row.bytes,
        )
        for row in rows
    )
    return write([Sheet("流向", FLOWS, _text(cells))])


def league(names: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Write departments by place, with numerator and denominator of each indicator named."""
    parts = [Heading(f"{name}{part}") for name in names for part in ("分子", "分母")]
    return write([Sheet("时限榜", [*LEAGUE, *parts], _text(rows))])


def _text(rows: Iterable[Sequence[Any]]) -> Iterable[list[str]]:
    """Nothing stays an empty cell: a share of nothing is no zero."""
    return (["" if cell is None else str(cell) for cell in row] for row in rows)
