"""What a form offers where a code is typed: departments and classes, by name."""

from collections.abc import Sequence
from typing import Final

from auth import directory
from auth.directory import Active
from catalog import trees
from catalog.rules.classes import GROUP_NAMES
from kernel.database import ReadSession

DEPARTMENTS_MAX: Final = 500
CLASSES_MAX: Final = 100


async def departments(
    session: ReadSession, *, within: str | None = None, but: str = ""
) -> Sequence[Active]:
    """Return those that act, of a division and all below it where one is named, by name.

    The first DEPARTMENTS_MAX; `but` is the one that the form is not about.
    """
    return await directory.by_name(session, DEPARTMENTS_MAX, region_code=within, but=but)


async def classes(session: ReadSession) -> Sequence[tuple[str, int]]:
    """Return class codes, each with how many entries in force it has, by code.

    Every 项 of the guide stands there, and of the others the CLASSES_MAX with most entries.
    """
    used = await trees.classes_in_use(session, CLASSES_MAX)
    return sorted({**dict.fromkeys(GROUP_NAMES, 0), **used}.items())
