"""From the fields of a form to the bodies that the API takes, with the API's own refusals."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from gateway.console.visit import Visit
from gateway.validation import of_body
from kernel.errors import FieldError, Invalid

Body = TypeVar("Body", bound=BaseModel)
WHOLE = re.compile(r"\d{1,15}", re.ASCII)


def body(model: type[Body], values: Mapping[str, Any]) -> Body:
    """Return the body that the API would read; raises Invalid with every place."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise of_body(error) from error


def whole(text: str | None) -> int | str | None:
    """Return a whole number as one; anything else as it stands, for its reader to refuse."""
    return int(text) if text is not None and WHOLE.fullmatch(text) else text


def required(visit: Visit, name: str) -> str:
    """Return what was typed; raises Invalid where nothing was."""
    text = visit.text(name)
    if text is None:
        raise Invalid(errors=[FieldError(name, "missing", "缺少必填项", "is required")])
    return text


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without those that were left empty."""
    return {name: value for name, value in values.items() if value is not None}


def hidden(form: FormData, shown: frozenset[str]) -> list[tuple[str, str]]:
    """Return the fields that a step of a form does not show, to be carried along."""
    return [
        (name, value)
        for name, value in form.multi_items()
        if isinstance(value, str) and name not in shown
    ]
