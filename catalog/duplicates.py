"""What a department would collect though another one shares it already (Art 19, ADR 0039).

An item that is bound to an element is of its source or refers to it: that the rules of references
see to (`rules/references.py`). What is left are the same data under two elements, and an element
whose source above publishes it already.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from auth import directory
from auth.regions.tree import ancestors, current, spellings
from catalog import derivations
from catalog.entries import Duplicate, Item, ItemRole
from catalog.likeness import Known, like
from catalog.rules.similarity import Match, entry_match, text_score
from catalog.store import derivations as derivation_store
from catalog.store import resources as store
from catalog.store import similar as similar_store
from catalog.store.similar import Carrier
from catalog.tables import ResourceVersion
from catalog.visibility import Shown
from kernel.database import ReadSession
from kernel.errors import FieldError


@dataclass(frozen=True, slots=True)
class Owed:
    """A published resource that the entry must refer to, or say why it does not suffice."""

    carrier: Carrier
    match: Match


async def draft_errors(
    session: ReadSession, resource_id: str | None, said: Sequence[Duplicate]
) -> list[FieldError]:
    """Return explanations of what is no published resource, of itself, or given twice."""
    if not said:
        return []
    named = Counter(each.resource_id for each in said)
    published = await derivation_store.published(session, named)
    known = published - {resource_id}
    return [*_misplaced(said, named, known)]


def _misplaced(
    said: Sequence[Duplicate], named: Mapping[str, int], known: Collection[str]
) -> Iterator[FieldError]:
    for place, each in enumerate(said):
        path = f"duplicates[{place}].resource_id"
        if each.resource_id not in known:
            yield derivations.unknown(path)
        elif named[each.resource_id] > 1:
            yield FieldError(path, "duplicate", "同一资源说明了两次", "is explained twice")


async def errors(session: ReadSession, shown: Shown, threshold: float) -> list[FieldError]:
    """Return what is published elsewhere, and neither referred to nor explained."""
    owed = await unexplained(session, shown, threshold)
    names = await _holders(session, owed)
    return [_error(each, names) for each in owed]


async def told(
    session: ReadSession, several: Sequence[Shown], threshold: float, known: Known
) -> dict[str, list[str]]:
    """Return by resource what `errors` would find, a line of Chinese each: for workbooks.

    `known` is what the import has learnt of likeness already.
    """
    owed = await _unexplained(session, several, threshold, known)
    names = await _holders(session, [each for found in owed.values() for each in found])
    return {
        resource_id: [_line(each, names) for each in found]
        for resource_id, found in owed.items()
        if found
    }


async def _holders(session: ReadSession, owed: Sequence[Owed]) -> Mapping[str, str]:
    departments = {each.carrier.resource.department for each in owed}
    return await directory.departments(session, sorted(departments)) if departments else {}


def _line(owed: Owed, names: Mapping[str, str]) -> str:
    (resource, version), match = owed.carrier, owed.match
    holder = names.get(resource.department, resource.department)
    same = f"{match.same_items}/{match.items} 项相同"
    return f"{holder}《{version.name}》（资源代码 {resource.id}）：{same}"


def _error(owed: Owed, names: Mapping[str, str]) -> FieldError:
    resource, version = owed.carrier
    holder = names.get(resource.department, resource.department)
    match = owed.match
    return FieldError(
        "duplicates",
        "duplicate_unexplained",
        f"{holder}已发布的《{version.name}》含其中 {match.same_items}/{match.items} 项相同数据："
        "请引用该资源（refers_to），或在 duplicates 中说明为何仍须采集（第十九条）",
        f"《{version.name}》 of {holder} carries {match.same_items} of {match.items} items: "
        "refer to it, or say in duplicates why the data are collected all the same (Art 19)",
        allowed=(resource.id,),
    )


async def unexplained(session: ReadSession, shown: Shown, threshold: float) -> list[Owed]:
    """Return what others publish in the division or above with so similar a score."""
    found = await _unexplained(session, [shown], threshold)
    return found[shown.resource.id]


async def _unexplained(
    session: ReadSession,
    several: Sequence[Shown],
    threshold: float,
    known: Known | None = None,
) -> dict[str, list[Owed]]:
    """Return it of several entries by their ids, with one look at the elements of all."""
    items = [await _new_items(session, shown) for shown in several]
    wanted = [(item.label, item.element) for each in items for item in each]
    likeness = iter(await like(session, wanted, known) if wanted else ())
    return {
        shown.resource.id: await _carried_elsewhere(
            session,
            shown,
            [_collected(item, next(likeness), threshold) for item in each],
            threshold,
        )
        for shown, each in zip(several, items, strict=True)
    }


async def _carried_elsewhere(
    session: ReadSession,
    shown: Shown,
    collected: Sequence[Mapping[str, float]],
    threshold: float,
) -> list[Owed]:
    version, resource = shown.version, shown.resource
    codes = {code.removeprefix(OF_SOURCE) for alike in collected for code in alike}
    if not codes:
        return []
    path = (current(version.region_code), *ancestors(version.region_code))
    regions = [code for region in path for code in spellings(region)]
    found = await similar_store.published_by_others(
        session, codes, resource.department, regions, resource.id
    )
    named = _referred(version)
    return [
        Owed(carrier, match)
        for carrier in found
        if carrier.resource.id not in named
        and (match := _match(version, collected, carrier, threshold)).score >= threshold
    ]


async def _new_items(session: ReadSession, shown: Shown) -> list[Item]:
    """Return the items beside the key that the version in force does not carry."""
    number = shown.resource.published_version
    before = None if number is None else await store.get(session, shown.resource.id, number)
    carried = {item["element"] for item in ([] if before is None else before.items)}
    items = [Item.of(stored) for stored in shown.version.items]
    return [item for item in items if not item.key and item.element not in carried]


# An element, where it counts only as held by its source.
OF_SOURCE = "source:"


def _collected(item: Item, alike: Mapping[str, float], threshold: float) -> dict[str, float]:
    """Return what would be the same datum elsewhere; nothing of an item that says where it is from.

    The same element counts where the item claims to be its source: of one in a division above.
    """
    if item.refers_to is not None:
        return {}
    found = {code: score for code, score in alike.items() if score >= threshold}
    score = found.pop(item.element, 1.0)
    return found | ({OF_SOURCE + item.element: score} if item.role is ItemRole.SOURCE else {})


def _referred(version: ResourceVersion) -> set[str]:
    referred = {item.get("refers_to") for item in version.items} - {None}
    return {*referred, *version.derived_from, *(each["resource_id"] for each in version.duplicates)}


def _match(
    version: ResourceVersion,
    collected: Sequence[Mapping[str, float]],
    carrier: Carrier,
    threshold: float,
) -> Match:
    held = {item["element"] for item in carrier.version.items}
    source = str(ItemRole.SOURCE)
    held |= {
        OF_SOURCE + item["element"] for item in carrier.version.items if item["role"] == source
    }
    names = text_score(version.name, carrier.version.name)
    return entry_match(collected, held, names, threshold)
