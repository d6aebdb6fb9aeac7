"""How likely two names with their standards are one datum, and two entries one collection; pure.

ADR 0039 says why so, and how often it is right.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from catalog.contracts.model import DataType
from catalog.rules.terms import Terms, terms, vocabulary
from catalog.rules.words import fold, grams

SAME_DATUM: Final = 0.80
# The same words in other writings; the same element alone is certainly the same.
SAME_WORDS: Final = 0.95
DIFFERENT: Final = 0.45
NARROWER: Final = 0.82
THING, ASPECT, SUBJECT, WEAK, REST = 2.0, 1.0, 0.4, 0.5, 1.0
# Words of a definition that agree so far tell that the things do, too.
SAME_DEFINITION: Final = 0.75
DEFINING: Final = 8
# Aspects that a name leaves out: 民族 is 民族代码, 登记机关 is 登记机关名称.
UNSAID: Final = frozenset({"名称", "姓名", "代码", "号码"})
FAMILIES: Final = (
    frozenset({DataType.STRING, DataType.CODE}),
    frozenset({DataType.INTEGER, DataType.DECIMAL}),
    frozenset({DataType.DATE, DataType.DATETIME}),
    frozenset({DataType.BOOLEAN, DataType.CODE}),
    frozenset({DataType.INTEGER, DataType.CODE}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """What is known of a datum: at least its name."""

    name: str
    definition: str = ""
    data_type: DataType | None = None
    code_list: str | None = None
    element: str | None = None


def datum_score(one: Datum, other: Datum) -> float:
    """Return from 0 to 1 how likely they are the same datum; the same element is 1."""
    if one.element is not None and one.element == other.element:
        return 1.0
    a, b = terms(one.name), terms(other.name)
    score = _names(a, b)
    if a.is_general and b.is_general and one.definition and other.definition:
        # 状态 of what? Only the definition says so.
        likeness = text_score(one.definition, other.definition)
        score = min(score, 0.4 + 0.5 * likeness)
    elif DIFFERENT < score < SAME_DATUM and _define(one) and _define(other):
        likeness = text_score(one.definition, other.definition)
        score += 0.25 * likeness if likeness >= SAME_DEFINITION else 0.0
    return round(min(1.0, score * _standards(one, other)), 2)


def _define(datum: Datum) -> bool:
    """Whether the definition is more than a phrase that many elements have, like 见标准."""
    return len(datum.definition) >= DEFINING


def _standards(one: Datum, other: Datum) -> float:
    """Return what types and code lists leave of the likeness of names."""
    factor = 1.0
    if one.data_type and other.data_type and one.data_type != other.data_type:
        pair = {one.data_type, other.data_type}
        factor *= 1.0 if any(pair <= family for family in FAMILIES) else 0.6
    if one.code_list and other.code_list:
        factor *= 1.05 if one.code_list == other.code_list else 0.9
    return factor


def _names(a: Terms, b: Terms) -> float:
    if a == b:
        return SAME_WORDS
    overlap = _overlap(a, b)
    if a.marks != b.marks or _exclude(a, b) or not _same_aspect(a, b):
        return min(DIFFERENT, overlap)
    if _narrows(a, b) or _narrows(b, a):
        overlap = max(overlap, NARROWER)
    return min(SAME_WORDS, overlap)


def _exclude(a: Terms, b: Terms) -> bool:
    """Whether one says what the other contradicts: 出生 and 死亡."""
    one, other = a.things | a.rest, b.things | b.rest
    return any(
        group & one and group & other and group & one != group & other
        for group in vocabulary().contraries
    )


def _same_aspect(a: Terms, b: Terms) -> bool:
    if a.aspect == b.aspect:
        return True
    if {a.aspect, b.aspect} == {"姓名", "名称"}:
        return bool((a.things | a.marks) & (b.things | b.marks))
    return None in (a.aspect, b.aspect) and bool({a.aspect, b.aspect} & UNSAID)


def _narrows(short: Terms, long: Terms) -> bool:
    """Whether one name adds no more than the other says: 学籍号 and 学生学籍号."""
    if not (short.things or short.rest):
        return False
    if not (short.things <= long.things and short.rest <= long.rest):
        return False
    added = _weight(long.things - short.things, long.rest - short.rest)
    if added and short.aspect != long.aspect:
        return False
    return added <= _weight(short.things | short.marks, short.rest)


def _overlap(a: Terms, b: Terms) -> float:
    """Return the weight of what both say twice, over the weight of what each says."""
    common = _weight((a.things & b.things) | (a.marks & b.marks), a.rest & b.rest)
    whole = _weight(a.things | a.marks, a.rest) + _weight(b.things | b.marks, b.rest)
    whole += WEAK * (len(a.weak) + len(b.weak))
    common += WEAK * len(a.weak & b.weak)
    if a.aspect == b.aspect and a.aspect is not None:
        common, whole = common + ASPECT, whole + 2 * ASPECT
    if a.subjects and b.subjects:
        common += THING * len(a.subjects & b.subjects)
        whole += THING * (len(a.subjects) + len(b.subjects))
    elif a.is_general or b.is_general:
        # 企业名称 and 名称 are not one: the subject is all that is said.
        whole += THING * (len(a.subjects) + len(b.subjects))
    else:
        whole += SUBJECT * (len(a.subjects) + len(b.subjects))
    return 2 * common / whole if whole else 0.0


def _weight(things: Collection[str], rest: Collection[str]) -> float:
    return THING * len(things) + REST * len(rest)


def text_score(one: str, other: str) -> float:
    """Return how far two texts are of the same pairs of characters."""
    a, b = ({g for g in grams(fold(text)) if len(g) > 1} for text in (one, other))
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0


@dataclass(frozen=True, slots=True)
class Match:
    """How much of an entry another one carries; `shared` are its elements that do."""

    score: float
    shared: tuple[str, ...]
    same_items: int
    items: int
    names: float


def entry_match(
    likeness: Sequence[Mapping[str, float]],
    elements: Collection[str],
    names: float,
    threshold: float = SAME_DATUM,
) -> Match:
    """Compare the items of an entry with the elements of another one.

    `likeness` tells for each item that counts which elements are like it, and how much; `names`
    how alike the entries' names are. The score is the share of items that are the same datum;
    entries of the same name need fewer.
    """
    shared: list[str] = []
    for alike in likeness:
        best = max((code for code in alike if code in elements), key=alike.__getitem__, default="")
        if best and alike[best] >= threshold:
            shared.append(best)
    share = len(shared) / len(likeness) if likeness else names
    score = round(max(share, (share + names) / 2), 2)
    return Match(score, tuple(dict.fromkeys(shared)), len(shared), len(likeness), round(names, 2))
