"""Base of every JSON body that comes in or goes out."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


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


def refuse_unstorable(value: object) -> None:
    """Raise when a string in `value` holds a NUL or half of a surrogate pair."""
    if isinstance(value, str):
        if "\x00" in value or not _encodable(value):
            raise PydanticCustomError("pattern", "NUL or an incomplete character")
    elif isinstance(value, dict):
        for key, item in value.items():
            refuse_unstorable(key)
            refuse_unstorable(item)
    elif isinstance(value, list):
        for item in value:
            refuse_unstorable(item)


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
