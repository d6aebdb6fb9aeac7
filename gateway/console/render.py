"""Templates, languages and the headers of every page."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2_fragments import render_block
from starlette.responses import HTMLResponse

from auth.regions.codes import COUNTY_DIGITS, canonical
from auth.regions.register import counties_and_above
from catalog.rules.classes import DIGITS as CLASS_DIGITS
from gateway.console import labels, static
from kernel.clock import SHANGHAI
from kernel.ids import new_id

HERE: Final = Path(__file__).parent
CATALOGUE: Final = HERE / "locale" / "en" / "console.po"
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@cache
def translations(*, english: bool) -> NullTranslations:
    """Return the catalogue of a language: msgids are Chinese, so that it has none."""
    if not english:
        return NullTranslations()
    compiled = BytesIO()
    with CATALOGUE.open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return Translations(compiled)


def own_sentence(text: str) -> str:
    """Return a text if it is one of the console's own, else nothing: addresses can be made up."""
    is_own = "%" not in text and translations(english=True).gettext(text) != text
    return text if text and is_own else ""


@cache
def environment(*, english: bool) -> Environment:
    pages = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    known = translations(english=english)
    pages.install_gettext_translations(known, newstyle=True)  # type: ignore[attr-defined]
    pages.filters["place"] = partial(place, known)
    pages.filters["division"] = partial(division, english=english)
    pages.filters["classified"] = partial(classified, known)
    pages.filters.update(moment=moment, day=day, label=lambda code, kind: _label(known, code, kind))
    pages.globals.update(static=static.address, choices=labels.CHOICES, fresh=new_id)
    pages.globals.update(divisions=divisions)
    return pages


def division(code: str, *, english: bool) -> str:
    """Return the name of a division with its code: of the county, where it lies below one."""
    found = counties_and_above().get(canonical(code)[:COUNTY_DIGITS])
    if found is None:
        return code
    return f"{found.name} ({code})" if english else f"{found.name}（{code}）"


@cache
def divisions() -> Sequence[tuple[str, str]]:
    """Return the divisions in force down to counties, those of a city with its name before."""
    in_force = {code: each.name for code, each in counties_and_above().items() if each.in_force}
    cities = {code: in_force.get(f"{code[:4]}00", "") for code in in_force}
    return [
        (code, name if cities[code] in ("", name) else f"{cities[code]} {name}")
        for code, name in sorted(in_force.items())
    ]


def classified(known: NullTranslations, digits: str, *, code: bool = False) -> str:
    """Return 类 and 项 of a class code by name, and the `code` behind them."""
    parts = dict.fromkeys((digits[:1], digits[:CLASS_DIGITS]))
    names = [_label(known, each, "class") for each in parts if each in labels.NAMES["class"]]
    named = " · ".join(names)
    return f"{named}（{digits}）" if code and named else named or digits


def html(
    template: str, values: Mapping[str, Any], *, english: bool, status: int = 200, block: str = ""
) -> HTMLResponse:
    """Return a page, or one block of it."""
    language = "en" if english else "zh-CN"
    return HTMLResponse(
        text(template, values, english=english, block=block), status, headers(language)
    )


def text(template: str, values: Mapping[str, Any], *, english: bool, block: str = "") -> str:
    pages = environment(english=english)
    language = "en" if english else "zh-CN"
    told = {"language": language, **values}
    if block:
        return str(render_block(pages, template, block, told))
    return pages.get_template(template).render(told)


def headers(language: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": POLICY,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        # Not no-referrer: forms would then come with `Origin: null`.
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Content-Language": language,
        "Vary": "Accept-Language, Cookie",
    }


def moment(value: datetime | str | None) -> str:
    """Write a moment by the country's clocks."""
    if value is None:
        return "—"
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    return when.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def day(value: date | datetime | None) -> str:
    if value is None:
        return "—"
    when = value.astimezone(SHANGHAI).date() if isinstance(value, datetime) else value
    return when.isoformat()


def place(known: NullTranslations, path: str) -> str:
    """Return where a fault is, as people call it; the path itself where a part has no name."""
    told, inside = [], "place"
    for part in path.split("."):
        name, _, index = part.partition("[")
        if name not in labels.NAMES[inside]:
            return path
        label = _label(known, name, inside)
        number = index.rstrip("]")
        told.append(f"{label} {int(number) + 1}" if number.isdecimal() else label)
        inside = "item_place" if name == "items" else inside
    return " · ".join(told)


def _label(known: NullTranslations, code: object, kind: str) -> str:
    """Return what people call a code; itself where nobody has named it."""
    name = labels.NAMES.get(kind, {}).get(str(code))
    return str(code) if name is None else str(known.gettext(name))
