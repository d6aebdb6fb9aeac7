"""Days until which something holds; pure."""

from datetime import date
from typing import Final

from kernel.errors import FieldErrors

LAST_DATE: Final = date(9998, 12, 31)
"""The day after it must still be a date."""


def check_until(path: str, day: date, today: date, errors: FieldErrors) -> None:
    """Require a day between today and LAST_DATE, and name the bound that it passes."""
    if day < today:
        errors.add(path, "out_of_range", "不得早于今日", "must not lie in the past")
    elif day > LAST_DATE:
        errors.add(
            path, "out_of_range", f"不得晚于 {LAST_DATE}", f"must not be later than {LAST_DATE}"
        )
