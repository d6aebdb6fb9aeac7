"""What an item of a draft may be: an element that is found, and a resource to refer to."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auth import directory
from catalog import directory as entries
from catalog import elements, references, sources
from gateway.console.visit import Visit
from kernel.database import ReadSession
from kernel.paging import PageRequest

FOUND_MAX: Final = PageRequest(20)
SUGGESTED_MAX: Final = PageRequest(200)
ITEM_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FoundElement:
    """An element that may be taken, with the department that is its source, if any."""

    code: str
    name: str
    definition: str
    data_type: str
    standard: str
    source: str
    own: bool


def name_of(code: str, names: Sequence[str]) -> str:
    """Return a name for an item of the element: its code as far as a name may be written so."""
    name = code.lower().replace("-", "_").replace(".", "_")
    fits = ITEM_NAME.fullmatch(name) is not None and name not in names
    return name if fits else f"item{len(names) + 1}"


async def origins(
    visit: Visit, session: ReadSession, codes: Collection[str]
) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return which resources of other departments, their sources, hold the elements referred to."""
    region = visit.text("region_code") or visit.principal.region_code
    held = await references.origins(session, visit.principal.department, region, codes)
    ids = {each for listed in held.values() for each in listed}
    named = await entries.resources(session, ids) if ids else {}
    return {code: [(each, named.get(each, "")) for each in ids] for code, ids in held.items()}


async def found(visit: Visit, session: ReadSession, words: str) -> list[FoundElement]:
    """Return elements that the words find, each with its source in the region."""
    if not words:
        return []
    page_ = await elements.find(session, FOUND_MAX, q=words[:100])
    codes = {each.code for each in page_.items}
    region = visit.text("region_code") or visit.principal.region_code
    owners = await sources.sources_of(session, codes, region) if codes else {}
    named = await directory.departments(session, {each.department for each in owners.values()})
    return [
        FoundElement(
            each.code,
            each.name,
            each.definition,
            each.data_type,
            each.standard,
            named.get(owners[each.code].department, "") if each.code in owners else "",
            each.code in owners and owners[each.code].department == visit.principal.department,
        )
        for each in page_.items
    ]


async def suggested(session: ReadSession) -> list[tuple[str, str]]:
    page_ = await elements.find(session, SUGGESTED_MAX)
    return [(each.code, each.name) for each in page_.items]
