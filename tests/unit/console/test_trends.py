"""Quality as it is shown: one rule a row, the worst first."""

from datetime import date

from exchange.quality.rules import Dimension
from gateway.api.quality import CheckView, QualityView
from gateway.console.quality import trends


def check(day: int, rule: str, checked: int, failed: int) -> CheckView:
    return CheckView(
        day=date(2026, 11, day), dimension=Dimension.COMPLETE, rule=rule,
        checked=checked, failed=failed,
    )  # fmt: skip


def test_the_worst_rule_comes_first_with_its_days_in_order() -> None:
    checks = [check(2, "good", 10, 0), check(2, "bad", 10, 4), check(1, "bad", 0, 0)]
    first, last = date(2026, 11, 1), date(2026, 11, 2)
    shown = trends(
        QualityView(
            resource_id="r",
            resource_name=None,
            since=first,
            until=last,
            revision=0,
            rules=[],
            items=checks,
        )
    )
    assert [(row.rule, row.passed) for row in shown] == [("bad", "60.0 %"), ("good", "100.0 %")]
    assert shown[0].days == [(first, 100), (last, 60)]
