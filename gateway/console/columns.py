"""数据上报 · 列: which column of a file is which item, where its headings do not say it themselves.

A person says it once; it is remembered for the department and the resource (exchange/publishing).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from catalog.contracts.model import Contract
from exchange.publishing import columns as remembered
from exchange.publishing.columns import HEADINGS_MAX, Said
from gateway.console.visit import Visit
from gateway.workbooks.records import HeadingsMisfit, columns, recognised
from kernel.errors import FieldError, Invalid

HEADING, ITEM = "heading", "item"
LEFT_OUT: Final = "-"
UNDECIDED: Final = ""
TWICE: Final = "duplicate_key"


@dataclass(frozen=True, slots=True)
class Row:
    """A heading, how the form sends it (any mark in it survives), and what was chosen for it."""

    title: str
    sent: str
    chosen: str


@dataclass(frozen=True, slots=True)
class Columns:
    """The headings of a file; `missing` are mandatory items that no column gives.

    `twice` are headings for whose item there is another column, `alike` labels of several items.
    """

    rows: Sequence[Row]
    missing: Sequence[str]
    alike: frozenset[str]
    twice: Sequence[tuple[str, FieldError]] = ()


def form(
    titles: Sequence[str],
    contract: Contract,
    said: Said,
    errors: Sequence[FieldError] = (),
) -> Columns | None:
    """Return the form of a file's headings; None for more than a person can look at; pure."""
    if len(titles) > HEADINGS_MAX:
        return None
    known = {title: name or LEFT_OUT for title, name in _known(contract, said).items()}
    names = {LEFT_OUT, *(field.name for field in contract.fields)}
    chosen = {title: known.get(title, UNDECIDED) for title in dict.fromkeys(titles) if title}
    chosen = {title: name if name in names else UNDECIDED for title, name in chosen.items()}
    twice = [(each.path, each) for each in errors if each.code == TWICE]
    return replace(_columns(chosen, contract), twice=twice)


def _columns(chosen: Mapping[str, str], contract: Contract) -> Columns:
    given = set(chosen.values())
    labels = Counter(each.label for each in contract.fields)
    return Columns(
        [Row(title, json.dumps(title), name) for title, name in chosen.items()],
        [each.label for each in contract.fields if each.mandatory and each.name not in given],
        frozenset(label for label, count in labels.items() if count > 1),
    )


def typed(visit: Visit) -> Mapping[str, str] | None:
    """Return what was chosen for each heading; None where no form of them came. Raises Invalid."""
    sent = [each for each in visit.form.getlist(HEADING) if isinstance(each, str)]
    chosen = [each for each in visit.form.getlist(ITEM) if isinstance(each, str)]
    if not sent:
        return None
    try:
        titles = [json.loads(each) for each in sent]
        pairs = dict(zip(titles, chosen, strict=True))
    except (ValueError, TypeError, RecursionError):
        raise _unreadable() from None
    if not all(isinstance(title, str) and title for title in titles):
        raise _unreadable()
    return pairs


def again(visit: Visit, contract: Contract) -> Columns | None:
    """Return the form as it was sent, where it was refused."""
    try:
        chosen = typed(visit)
    except Invalid:
        return None
    return None if visit.error is None or chosen is None else _columns(chosen, contract)


async def said_of(visit: Visit, resource_id: str, contract: Contract) -> Said:
    """Remember what was chosen by the form, and return all that is known of headings.

    Another file has other columns: what was chosen for those of the one before is not looked at.
    Raises HeadingsMisfit where a heading is undecided, two stand for one item or a mandatory item
    has none; nothing is remembered then.
    """
    chosen, department = None if visit.upload("file") else typed(visit), visit.principal.department
    if chosen is None:
        async with visit.reading() as session:
            return await remembered.said(session, department, resource_id)
    said = {title: None if name == LEFT_OUT else name for title, name in chosen.items()}
    _require_decided(chosen)
    columns([*said], contract, said)
    async with visit.writing() as session:
        before = await remembered.said(session, department, resource_id)
        new = told_anew(said, before, contract)
        await remembered.say(session, visit.principal, resource_id, new, now=visit.now)
    return {**before, **new}


def told_anew(said: Said, before: Said, contract: Contract) -> Said:
    """Return what has to be remembered: neither what headings say themselves nor what is; pure."""
    known = _known(contract, before)
    return {
        title: item for title, item in said.items() if title not in known or known[title] != item
    }


def _known(contract: Contract, said: Said) -> Said:
    """Return what headings stand for: by themselves, but for those of which something was said."""
    by_themselves = {
        title: None if item is None else item.name for title, item in recognised(contract).items()
    }
    return {**by_themselves, **said}


def _require_decided(chosen: Mapping[str, str]) -> None:
    told = "请选择对应的信息项，或者选“不取这一列”", "choose an item, or leave the column out"
    errors = [
        FieldError(title[:64], "missing", *told)
        for title, name in chosen.items()
        if name == UNDECIDED
    ]
    if errors:
        raise HeadingsMisfit([*chosen], errors)


def _unreadable() -> Invalid:
    told = (
        "各列的对应关系不完整，请重新选择文件",
        "the columns are not whole: choose the file again",
    )
    return Invalid(errors=[FieldError(HEADING, "wrong_type", *told)])
