"""What is told of a place of the audit log that is not as it was written; pure."""

import re
from collections.abc import Mapping
from typing import Final

from kernel.audit_check import Fault
from kernel.errors import Text

_REASONS: Final[Mapping[str, str]] = {
    "an event is missing": "缺少一个事件",
    "does not follow the event before it": "与前一事件不衔接",
    "does not follow its archive": "与此前的归档不衔接",
    "was changed after it was written": "写入后被改动",
    "events are missing at the end": "末尾的事件缺失",
    "is in no chain of this log": "不属于任何一条链",
}
_ANCHORED: Final = re.compile(r"is not as anchored in chain (\d+) at (\d+)")


def told(fault: Fault) -> Text:
    """Name the place and what is wrong with it."""
    anchored = _ANCHORED.fullmatch(fault.reason)
    chinese = _REASONS.get(fault.reason, fault.reason)
    if anchored:
        chinese = f"与审计链 {anchored[1]} 第 {anchored[2]} 个事件所记的散列不符"
    return Text(
        f"审计链 {fault.chain} 第 {fault.seq} 个事件：{chinese}",
        f"chain {fault.chain}, event {fault.seq}: {fault.reason}",
    )
