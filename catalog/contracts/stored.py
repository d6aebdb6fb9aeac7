"""The bound on what a batch takes up in the log; pure (ADR 0023).

A body within its own limit may be larger in the log: keys are escaped, and a record costs some
bytes beside its key and value. The broker would refuse such a batch only after its key was noted.
"""

from typing import Final

from catalog.contracts.checked import Checked
from kernel.errors import BatchTooLarge

STORED_BYTES_MAX: Final = 12 * 1024 * 1024 - 64 * 1024
"""64 KiB less than a message of the log: room for the headers of a batch."""
RECORD_BYTES: Final = 32
"""More than a record takes up beside its key and its value."""
_KEY_GROWTH: Final = 3
"""An escaped byte of a key takes three."""


def refuse_too_large(checked: Checked, body_bytes: int) -> None:
    """Raise BatchTooLarge for records that the log would not take as one batch."""
    records = RECORD_BYTES * len(checked.keys)
    if (1 + _KEY_GROWTH) * body_bytes + records <= STORED_BYTES_MAX:
        return
    stored = records + sum(map(len, checked.keys)) + sum(map(len, checked.lines))
    if stored > STORED_BYTES_MAX:
        raise BatchTooLarge(
            f"本批数据入库后为 {stored} 字节（主键转义、逐条附加信息计算在内），"
            f"上限 {STORED_BYTES_MAX} 字节，整批未入库；请分批提交",
            f"The batch takes up {stored} bytes in the log, escaped keys and {RECORD_BYTES} bytes "
            f"a record included; the limit is {STORED_BYTES_MAX}. Nothing was stored: split it",
            stored_bytes=stored,
            limit=STORED_BYTES_MAX,
        )
