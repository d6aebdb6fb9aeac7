"""What an announcement of a version must say: a day far enough ahead, or the law; pure.

Ten working days are the project's own notice, as long as a reply may take (Order 809 Art 21). A
change that a law, a regulation or a decision of the State Council demands may hold from any day.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from catalog.states import Action
from catalog.visibility import Shown, actions, serves
from kernel.errors import FieldError, IllegalTransition
from kernel.workdays import add_working_days

if TYPE_CHECKING:
    from catalog.tables import ResourceVersion

NOTICE_WORKING_DAYS: Final = 10
AHEAD_DAYS_MAX: Final = 3 * 366
UNANNOUNCED: Final[Mapping[str, None]] = {
    "announced_at": None,
    "effective_on": None,
    "announce_reason": None,
    "announce_basis": None,
}
# A law ends in 法, and 办法 is none. A regulation of a province or a city is no 行政法规.
_LAW: Final = re.compile(
    r"《[^》]*(?<!办)法(?:典|律)?》|中华人民共和国[^，。；\s]*(?<!办)法|宪法"
    r"|《(?![^》]*(?:自治区|省|市|州|县))[^》]*条例》|(?<![区省市县])条例第"
    r"|国务院[^，。；]*(?:令|决定|发|函)|国[发函令]"
    r"|\b(?:Law|Regulations?|State Council)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """From which day a version holds, and why; `basis` names the law that demands it."""

    effective_on: date
    reason: str
    basis: str | None = None


def errors(announcement: Announcement, today: date) -> Iterator[FieldError]:
    """Yield what is wrong with the announced day."""
    if announcement.basis is not None and not names_law(announcement.basis):
        yield FieldError(
            "basis",
            "out_of_range",
            "须为法律、行政法规或国务院决定，写明名称和条款，如《数据安全法》第二十一条",
            "must name a law, an administrative regulation or a decision of the State Council",
        )
        return
    earliest = today
    if announcement.basis is None:
        earliest = add_working_days(today, NOTICE_WORKING_DAYS)
    if announcement.effective_on < earliest:
        yield FieldError(
            "effective_on",
            "out_of_range",
            f"不得早于 {earliest}（{NOTICE_WORKING_DAYS} 个工作日后；法律、行政法规或国务院决定"
            "要求立即变更的，须在 basis 写明）",
            f"must not be before {earliest}, {NOTICE_WORKING_DAYS} working days ahead, unless"
            " `basis` names the law that demands it",
        )
    latest = today + timedelta(days=AHEAD_DAYS_MAX)
    if announcement.effective_on > latest:
        yield FieldError(
            "effective_on", "out_of_range", f"不得晚于 {latest}", f"must not be later than {latest}"
        )


def names_law(basis: str) -> bool:
    """Whether a text names a law, an administrative regulation or a State Council decision."""
    return _LAW.search(basis) is not None


def require_new(shown: Shown) -> None:
    """Raise IllegalTransition where nobody could be told, or all were told already."""
    if serves(shown.resource) and shown.version.announced_at is None:
        return
    raise IllegalTransition(
        "该版本已公告，或尚无现行版本需要告知；需要更改公告的，请主管部门退回后重新审核",
        "The version is announced already, or none is in force: to change an announcement, let the"
        " authority return the version",
        state=str(shown.status),
        allowed=[str(each) for each in actions(shown.resource) if each is not Action.ANNOUNCE],
    )


def columns(announcement: Announcement, now: datetime) -> dict[str, Any]:
    """Return the announcement as the version keeps it."""
    return {
        "announced_at": now,
        "effective_on": announcement.effective_on,
        "announce_reason": announcement.reason,
        "announce_basis": announcement.basis,
    }


def note(version: "ResourceVersion") -> dict[str, str]:
    """Return the announcement as history and audit keep it."""
    facts = {"reason": version.announce_reason, "basis": version.announce_basis}
    return {
        "effective_on": str(version.effective_on),
        **{name: text for name, text in facts.items() if text is not None},
    }
