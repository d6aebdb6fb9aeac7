"""Names of data taken apart: what they are about, and which aspect of it they tell; pure.

`data/same_words.csv` lists writings of one word by kind: `same` a thing, `mark` a word that makes
another datum of a name that lacks it (负责人, 最高, 实缴), `weak` one that adds little, `subject`
whoever the datum is about, `aspect` what is told (name, number, date), `filler` what says nothing;
writings of a `phrase` are read as its word, which is taken apart in turn; `contrary` lists things
that exclude each other.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from catalog.rules.words import fold

WORDS: Final = Path(__file__).parent / "data" / "same_words.csv"
TERMS_KEPT: Final = 8192
# Longer names are compared by their beginning.
NAME_MAX: Final = 100
BRACKETS: Final = re.compile(r"[(\[{【〔「<《][^)\]}】〕」>》]*[)\]}】〕」>》]")
PUNCTUATION: Final = re.compile(r"[\W_]+")
LATIN: Final = re.compile(r"[a-z0-9]+")
THINGS: Final = frozenset({"same", "mark", "weak"})
# After another aspect these only say how it is written: 状态代码, 类型名称.
WRITTEN: Final = frozenset({"代码", "名称", "说明"})
# What begins and ends does so on a day.
DATED: Final = frozenset({"开始", "结束"})


@dataclass(frozen=True, slots=True)
class Terms:
    """A name taken apart: what it is about, of which no list knows the `rest`; and the aspect."""

    things: frozenset[str]
    marks: frozenset[str]
    weak: frozenset[str]
    subjects: frozenset[str]
    aspect: str | None
    rest: frozenset[str]

    @property
    def is_general(self) -> bool:
        """Whether the name says what is told, and not about what: 类型, 备注, 日期."""
        return not (self.things or self.marks or self.rest)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`writings` lead from a folded writing to its kind and word; `longest` bounds them."""

    writings: Mapping[str, tuple[str, str]]
    longest: int
    contraries: tuple[frozenset[str], ...]
    groups: Mapping[str, tuple[str, ...]]


@cache
def vocabulary() -> Vocabulary:
    writings: dict[str, tuple[str, str]] = {}
    groups: dict[str, tuple[str, ...]] = {}
    contraries = []
    with WORDS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kind, word, others = row["kind"], row["word"], row["writings"].split()
            if kind == "contrary":
                contraries.append(frozenset(others))
                continue
            groups[word] = (word, *others)
            for writing in groups[word]:
                writings.setdefault(fold(writing), (kind, word))
    return Vocabulary(writings, max(map(len, writings)), tuple(contraries), groups)


@lru_cache(maxsize=TERMS_KEPT)
def terms(name: str) -> Terms:
    """Take a name apart; what stands in brackets is passed over where there is more."""
    found: dict[str, list[str]] = {}
    for kind, word in _segments(_plain(name)):
        found.setdefault(kind, []).append(word)
    marks = frozenset(found.get("mark", ()))
    return Terms(
        frozenset(found.get("same", ())),
        marks,
        frozenset(found.get("weak", ())),
        frozenset(found.get("subject", ())),
        _aspect(found.get("aspect", ()), marks),
        frozenset(piece for run in found.get("unknown", ()) for piece in _pieces(run)),
    )


def _aspect(aspects: Sequence[str], marks: frozenset[str]) -> str | None:
    """Return the last aspect that tells something by itself."""
    own = [aspect for aspect in aspects if aspect not in WRITTEN] or aspects
    if own:
        return own[-1]
    return "日期" if marks & DATED else None


def writings(name: str) -> list[str]:
    """Return what a name is about in all its writings: names of the same datum hold some of them.

    The aspect is left out where there is more: half of all names hold 日期 or 名称.
    """
    plain = _plain(name)
    groups, found = vocabulary().groups, list[str]()
    for kind, word in _segments(plain):
        if kind in THINGS:
            found += groups[word]
        elif kind == "unknown":
            found.append(word)
    return found or [plain]


def _plain(name: str) -> str:
    folded = fold(name[:NAME_MAX])
    outside = PUNCTUATION.sub("", BRACKETS.sub("", folded))
    return outside or PUNCTUATION.sub("", folded)


def _segments(plain: str, *, in_phrase: bool = False) -> Iterator[tuple[str, str]]:
    """Yield (kind, word) of the longest listed writings from the left, and what lies between."""
    known, place, start = vocabulary(), 0, 0
    while place < len(plain):
        writing = _longest(known, plain, place, in_phrase=in_phrase)
        if not writing:
            place += 1
            continue
        if start < place:
            yield "unknown", plain[start:place]
        kind, word = known.writings[writing]
        if kind == "phrase":
            yield from _segments(word, in_phrase=True)
        else:
            yield kind, word
        place += len(writing)
        start = place
    if start < len(plain):
        yield "unknown", plain[start:]


def _longest(known: Vocabulary, plain: str, place: int, *, in_phrase: bool) -> str:
    for length in range(min(known.longest, len(plain) - place), 0, -1):
        writing = plain[place : place + length]
        kind, _word = known.writings.get(writing, ("", ""))
        allowed = kind and not (in_phrase and kind == "phrase")
        if allowed and _ends_well(plain, place, length):
            return writing
    return ""


def _ends_well(plain: str, place: int, length: int) -> bool:
    """Whether no Latin word is cut: `no` is not in `notary`."""
    end = place + length
    before = place > 0 and LATIN.match(plain[place - 1]) and LATIN.match(plain[place])
    after = end < len(plain) and LATIN.match(plain[end - 1]) and LATIN.match(plain[end])
    return not (before or after)


def _pieces(unknown: str) -> set[str]:
    """Return Latin words and numbers whole, of other text pairs of neighbours."""
    found = set(LATIN.findall(unknown))
    for run in LATIN.split(unknown):
        found.update({run[place : place + 2] for place in range(len(run) - 1)} or {run})
    return found - {""}
