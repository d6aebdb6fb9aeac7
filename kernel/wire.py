"""Base of every JSON body that comes in or goes out."""

import math
import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

DEPTH_MAX = 32
PLAIN_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _plain_date(value: object) -> object:
    """Pydantic alone would also take a number of seconds or a date with a time."""
    if isinstance(value, date) or (isinstance(value, str) and PLAIN_DATE.fullmatch(value)):
        return value
    raise PydanticCustomError("wrong_type", "YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_plain_date)]


class Wire(BaseModel):
    """Unknown fields are refused, and so is text that PostgreSQL or UTF-8 cannot hold."""

    model_config = ConfigDict(extra="forbid", from_attributes=True, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:  # noqa: ANN401 - anything may arrive
        if isinstance(value, dict):
            for item in value.values():
                refuse_unstorable(item)
        return value


def refuse_unstorable(value: object, depth: int = 1) -> None:
    """Raise for a NUL, half of a surrogate pair, NaN, an infinity, or more than 32 levels."""
    if depth > DEPTH_MAX:
        raise PydanticCustomError("too_deep", "more than 32 levels")
    if isinstance(value, str):
        if "\x00" in value or not _encodable(value):
            raise PydanticCustomError("pattern", "NUL or an incomplete character")
    elif isinstance(value, float):
        # Python reads NaN and 1e999, which no JSON and no JSONB can hold.
        if not math.isfinite(value):
            raise PydanticCustomError("wrong_type", "not a number")
    elif isinstance(value, dict):
        for key, item in value.items():
            refuse_unstorable(key)
            refuse_unstorable(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            refuse_unstorable(item, depth + 1)


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
