"""Base of every JSON body that comes in or goes out."""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

DEPTH_MAX = 32
Verbatim = Annotated[str, StringConstraints(strip_whitespace=False)]
"""A key or value of a record: `"a "` is another one than `"a"`."""
_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
PLAIN_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _plain_date(value: object) -> object:
    """Pydantic alone would also take a number of seconds or a date with a time."""
    if isinstance(value, date) or (isinstance(value, str) and PLAIN_DATE.fullmatch(value)):
        return value
    raise PydanticCustomError("wrong_type", "YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_plain_date)]

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _rfc3339(value: object) -> object:
    """Refuse what a lenient reader takes for a time: seconds since 1970, a blank for the T."""
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise PydanticCustomError("wrong_type", "RFC 3339, like 2026-05-01T10:00:00+08:00")


def _in_utc(value: datetime) -> datetime:
    """Return the moment in UTC, where the calendar has it."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("out_of_range", "beyond the calendar") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_in_utc)]
"""A time with its offset."""


class Wire(BaseModel):
    """Unknown fields are refused, blanks around texts are dropped, where they are not Verbatim.

    Whether texts are plain is asked of what comes in, by its reader. What goes out is told as it
    was kept: a refusal names the path that was asked for.
    """

    model_config = ConfigDict(extra="forbid", from_attributes=True, str_strip_whitespace=True)


def is_plain(text: str) -> bool:
    """Whether a text holds nothing that cannot be stored, or that is not shown as it stands.

    No controls but tab and line breaks, no marks that turn the direction of writing (U+202E makes
    `gpj.exe` of `exe.jpg`) or take no room, and no half of a surrogate pair.
    """
    return _UNFIT.search(text) is None
