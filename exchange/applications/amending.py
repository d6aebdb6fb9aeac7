"""What an amendment may ask for: another filter, mode or system of the subscription that goes on.

Position and cursors stay, and with them what the consumer's system was handed. So nothing may be
hidden that it holds by following the log: the platform would have to take each record back.
"""

from collections.abc import Mapping, Sequence

from catalog.contracts.model import Field
from exchange.applications.content import Content
from exchange.modes import FOLLOWING
from exchange.subscriptions import implied
from exchange.subscriptions.conditions import Condition
from kernel.errors import FieldErrors

PUSH = "push"


def check(asked: Content, granted: Content, first_client: str, fields: Mapping[str, Field]) -> None:
    """Raise Invalid (`fixed`) for each term that cannot change while the subscription goes on."""
    errors = FieldErrors()
    if PUSH in (asked.mode, granted.mode) and asked.client_id != first_client:
        errors.add(
            "client_id",
            "fixed",
            "推送端点为原应用系统所设，推送方式的共享授权不能换应用系统；请另行申请",
            "the endpoint was set for the first system: what is pushed keeps it; apply anew",
        )
    check_shown(asked.row_filter, granted.row_filter, granted.mode, fields, errors)
    errors.raise_if_any()


def check_shown(
    wanted: Sequence[Condition],
    granted: Sequence[Condition],
    mode: str,
    fields: Mapping[str, Field],
    errors: FieldErrors,
    path: str = "row_filter",
) -> None:
    """Add an error for each condition that may hide records which the consumer follows."""
    if mode not in FOLLOWING:
        return
    hiding = implied.hiding(granted, wanted, fields)
    for index, condition in enumerate(wanted):
        if condition in hiding:
            errors.add(
                f"{path}[{index}]",
                "fixed",
                "该条件会隐去已按日志顺序交付的记录，续期或变更只能放宽行过滤；"
                "如须缩小范围，请终止授权、处置数据（条例第二十七条）后另行申请",
                "it would hide records that the consumer holds, and a filter only widens while a"
                " subscription goes on: end it, dispose of the data (Art 27) and apply anew",
            )
