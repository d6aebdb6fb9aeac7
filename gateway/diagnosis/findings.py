"""A finding about the platform: what was looked at, how it is, what to do, since when; pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from kernel.errors import Text

_NUMBERS: Final = re.compile(r"[\d.,]+")


class Verdict(StrEnum):
    """`doubtful` works today, and somebody should look before it does not."""

    BAD = "bad"
    DOUBTFUL = "doubtful"
    GOOD = "good"


class Area(StrEnum):
    """What is looked at, in the order in which it is told."""

    SETTINGS = "settings"
    DATABASE = "database"
    BROKER = "broker"
    FILES = "files"
    MAIL = "mail"
    DISK = "disk"
    CERTIFICATES = "certificates"
    CLOCK = "clock"
    PROCESSES = "processes"
    WORK = "work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`remedy` stands wherever the verdict is not good; `away`: the service does not answer.

    `since` is known of some things by themselves; of others it is when they were found first.
    """

    area: Area
    part: Text
    told: Text
    verdict: Verdict = Verdict.GOOD
    remedy: Text | None = None
    since: datetime | None = None
    away: bool = False

    @property
    def key(self) -> str:
        """The same for the same trouble, whatever numbers it tells of this time."""
        told = _NUMBERS.sub("", self.told.en)
        return sha256(f"{self.area} {self.part.en} {self.verdict} {told}".encode()).hexdigest()


def plain(words: str) -> Text:
    """Return what stands in both languages as it is: a name, or a sentence of a program."""
    return Text(words, words)


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """Return the findings by verdict, then area, as they were found."""
    verdicts, areas = list(Verdict), list(Area)
    return sorted(found, key=lambda each: (verdicts.index(each.verdict), areas.index(each.area)))
