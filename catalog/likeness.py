"""Which registered elements are like the data of an entry (ADR 0039)."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from catalog.contracts.model import DataType
from catalog.rules.similarity import Datum, datum_score
from catalog.rules.terms import writings
from catalog.rules.words import pairs
from catalog.store import elements as element_store
from catalog.store import similar as store
from catalog.tables import Element
from kernel.database import ReadSession
from kernel.turns import Steps, unhurried

# Pairs of characters that one name is looked for by.
PAIRS_MAX: Final = 60


# What is like what, as a job that asks again and again keeps it.
Known = dict[Datum, dict[str, float]]
# A job keeps no more than what may still be told to people.
KEPT_FROM: Final = 0.5


async def like(
    session: ReadSession, items: Sequence[tuple[str, str | None]], known: Known | None = None
) -> list[dict[str, float]]:
    """Return for each (label, element) the elements that are like it, with their scores.

    An item is what its element says it is; its label tells only where there is none. With `known`
    nothing is looked for twice, and scores below KEPT_FROM are left out.
    """
    own = await element_store.by_code(session, {code for _, code in items if code})
    wanted = [_datum(label, own.get(code or "")) for label, code in items]
    found: Known = {} if known is None else known
    distinct = [datum for datum in dict.fromkeys(wanted) if datum not in found]
    least = 0.0 if known is None else KEPT_FROM
    found.update(await _looked_for(session, distinct, least))
    return [found[datum] for datum in wanted]


async def _looked_for(session: ReadSession, distinct: Sequence[Datum], least: float) -> Known:
    likely = await store.elements(session, [_grams(datum.name) for datum in distinct])
    rows = await element_store.by_code(session, {code for _, code in likely})
    candidates: dict[Datum, list[Datum]] = {datum: [] for datum in distinct}
    for place, code in likely:
        candidates[distinct[place]].append(_datum("", rows[code]))
    scores = await unhurried(_scores(candidates))
    return {
        datum: {code: score for code, score in each.items() if score >= least}
        for datum, each in scores.items()
    }


class SameDatum(NamedTuple):
    code: str
    name: str
    score: float


async def same(
    session: ReadSession, registered: Sequence[tuple[str, str]], threshold: float
) -> list[list[SameDatum]]:
    """Return for each (name, code) of an element others in use that are the same, likest first."""
    scores = await like(session, registered)
    found = [
        {other: score for other, score in each.items() if score >= threshold and other != code}
        for (_name, code), each in zip(registered, scores, strict=True)
    ]
    rows = await element_store.by_code(session, {code for each in found for code in each})
    in_use = {code: row for code, row in rows.items() if row.retired_at is None}
    return [
        [
            SameDatum(code, in_use[code].name, score)
            for code, score in sorted(each.items(), key=_likest)
            if code in in_use
        ]
        for each in found
    ]


def _likest(scored: tuple[str, float]) -> tuple[float, str]:
    code, score = scored
    return -score, code


def _grams(name: str) -> list[str]:
    """Return pairs of characters of which names of the same datum have some."""
    found: dict[str, None] = {}
    for writing in writings(name):
        found.update(dict.fromkeys(pairs(writing)))
    return list(found)[:PAIRS_MAX]


def _scores(candidates: Mapping[Datum, Sequence[Datum]]) -> Steps[dict[Datum, dict[str, float]]]:
    scores: dict[Datum, dict[str, float]] = {}
    for wanted, likely in candidates.items():
        scores[wanted] = {} if wanted.element is None else {wanted.element: 1.0}
        for datum in likely:
            if datum.element is not None:
                scores[wanted][datum.element] = datum_score(wanted, datum)
        yield
    return scores


def _datum(label: str, element: Element | None) -> Datum:
    if element is None:
        return Datum(name=label)
    return Datum(
        name=element.name,
        definition=element.definition,
        data_type=DataType(element.data_type),
        code_list=element.code_list,
        element=element.code,
    )
