"""Parameters of publish and pull, which FastAPI documents and never reads."""

from enum import StrEnum
from typing import TypeVar

from exchange.publishing.publish import Op
from kernel.errors import BadRequest, FieldError

Choice = TypeVar("Choice", bound=StrEnum)


def choice(query: dict[str, str], name: str, default: Choice) -> Choice:
    value = query.get(name)
    if value is None:
        return default
    choices = type(default)
    try:
        return choices(value)
    except ValueError as error:
        listed = " / ".join(choices)
        zh, en = f"{name} 须为 {listed}", f"{name} must be {listed}"
        wrong = FieldError(name, "not_in_code_list", zh, en, allowed=tuple(choices))
        raise BadRequest(zh, en, errors=[wrong]) from error


def replacement_of(query: dict[str, str], op: Op) -> str | None:
    """Return the full replacement that records are loaded for; it takes no deletes."""
    id_ = query.get("replacement")
    if id_ is not None and op is not Op.UPSERT:
        zh, en = "全量替换只接受 op=upsert", "A replacement takes op=upsert only"
        raise BadRequest(zh, en, errors=[FieldError("op", "not_in_code_list", zh, en)])
    return id_


def version(value: bytes | None) -> int | None:
    if value is None:
        return None
    if not (value.isdigit() and len(value) < 10):  # noqa: PLR2004
        raise BadRequest(
            "Exchange-Resource-Version 须为版本号", "Exchange-Resource-Version must be a number"
        )
    return int(value)


def number(query: dict[str, str], name: str, default: float, least: float, most: float) -> float:
    text = query.get(name)
    if text is None:
        return default
    plain = text.isascii() and text.replace(".", "", int(name == "wait")).isdigit()
    if not plain or not least <= float(text) <= most:
        zh = f"{name} 须在 {least:g} 至 {most:g} 之间"
        en = f"{name} must be {least:g} to {most:g}"
        raise BadRequest(zh, en, errors=[FieldError(name, "out_of_range", zh, en)])
    return float(text)
