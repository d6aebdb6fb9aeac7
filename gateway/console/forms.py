"""From the fields of a form to the bodies that the API takes, with the API's own refusals."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from gateway.once import owner_of
from gateway.validation import of_body
from kernel import answers
from kernel.answers import Answer
from kernel.database import WriteSession
from kernel.errors import FieldError, Invalid

Body = TypeVar("Body", bound=BaseModel)
WHOLE = re.compile(r"\d{1,15}", re.ASCII)
ONCE = "once"
SEE_OTHER = 303
SENT_BEFORE = N_("这张表单已经提交过，没有重复办理。密钥只显示一次，没有保存的请更换密钥。")


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


async def sent_before(visit: Visit, session: WriteSession) -> Go | None:
    """Claim a form that shows a secret; where it was taken before, say where that led to.

    A page that came from a form is sent again by whoever reloads it: a second secret would end the
    first one, which somebody has just noted down.
    """
    if not visit.typed(ONCE):
        return None
    box, path = visit.using.box, visit.request.url.path.encode()
    before = await answers.first_answer(session, box, owner_of(visit.principal), _key(visit), path)
    return None if before is None else Go(before.body.decode(), SENT_BEFORE)


async def remember(visit: Visit, session: WriteSession, address: str) -> None:
    """Keep where a form has led to, in the transaction of what it did."""
    if visit.typed(ONCE):
        answer = Answer(SEE_OTHER, address.encode())
        box, owner = visit.using.box, owner_of(visit.principal)
        await answers.keep(session, box, owner, _key(visit), answer)


def _key(visit: Visit) -> str:
    said = f"{visit.request.url.path} {visit.typed(ONCE)}"
    return f"console-{hashlib.sha256(said.encode()).hexdigest()}"
