"""What carries the same data already, for who drafts an entry or reviews it (Art 19, ADR 0039)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auth.principal import Principal, Role
from auth.regions.tree import covers
from catalog import duplicates, sources, versions
from catalog.likeness import like
from catalog.rules.similarity import Match, entry_match, text_score
from catalog.rules.words import fold, narrowest, words
from catalog.store import elements as element_store
from catalog.store import similar as store
from catalog.store.similar import Carrier
from catalog.tables import Element, Source
from kernel.database import ReadSession

LISTED_MAX: Final = 20
# What is less alike is not shown.
LISTED_FROM: Final = 0.5
# What another division collects does not spare this one to do so.
OTHER_REGION: Final = 0.75

ASKING: Final = (Role.CLERK, Role.HEAD, Role.AUTHORITY)


@dataclass(frozen=True, slots=True)
class WantedItem:
    """An item of the entry in question; keys are how records are found, and do not count."""

    label: str
    element: str | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; `resource_id` is of the entry itself, empty for none."""

    name: str
    abstract: str = ""
    items: Sequence[WantedItem]
    region_code: str
    resource_id: str = ""


@dataclass(frozen=True, slots=True)
class SimilarElement:
    element: Element
    label: str
    score: float
    source: Source | None


@dataclass(frozen=True, slots=True)
class SimilarResource:
    """`needs_reason` is of what must be referred to or explained when the entry is submitted."""

    carrier: Carrier
    score: float
    match: Match
    same_region: bool
    needs_reason: bool = False


@dataclass(frozen=True, slots=True)
class Similar:
    elements: Sequence[SimilarElement]
    resources: Sequence[SimilarResource]


async def find(
    session: ReadSession, principal: Principal, wanted: Wanted, threshold: float
) -> Similar:
    """Return elements and resources that are like what is wanted, the likest first."""
    principal.require_role(*ASKING)
    return await _similar(session, principal.department, wanted, threshold, frozenset())


async def of_resource(
    session: ReadSession, principal: Principal, resource_id: str, threshold: float
) -> Similar:
    """Return what is like the version that the caller sees; NotFound, RoleRequired."""
    shown = await versions.shown(session, principal, resource_id)
    principal.require_role(*ASKING)
    version = shown.version
    items = [WantedItem(i["label"], i["element"], not i["key"]) for i in version.items]
    wanted = Wanted(
        name=version.name,
        abstract=version.abstract,
        items=items,
        region_code=version.region_code,
        resource_id=resource_id,
    )
    owed = await duplicates.unexplained(session, shown, threshold) if shown.is_insider else ()
    needing = frozenset(each.carrier.resource.id for each in owed)
    return await _similar(session, shown.resource.department, wanted, threshold, needing)


async def _similar(
    session: ReadSession,
    department: str,
    wanted: Wanted,
    threshold: float,
    needing: Collection[str],
) -> Similar:
    likeness = await like(session, [(i.label, i.element) for i in wanted.items])
    counted = [alike for item, alike in zip(wanted.items, likeness, strict=True) if item.counts]
    same = {code for alike in counted for code, score in alike.items() if score >= threshold}
    grams = _name_grams(wanted.name)
    found = await store.carriers(session, same, department, grams, wanted.resource_id)
    resources = sorted(
        _resources(wanted, counted, found, threshold, needing),
        key=lambda each: (-each.needs_reason, -each.score, each.carrier.resource.id),
    )
    elements = await _elements(session, wanted, likeness)
    return Similar(elements, resources[:LISTED_MAX])


def _name_grams(name: str) -> list[str]:
    return sorted({gram for word in words(fold(name)) for gram in narrowest(word)})


def _resources(
    wanted: Wanted,
    likeness: Sequence[Mapping[str, float]],
    found: Sequence[Carrier],
    threshold: float,
    needing: Collection[str],
) -> Iterator[SimilarResource]:
    for carrier in found:
        elements = {item["element"] for item in carrier.version.items}
        names = text_score(wanted.name, carrier.version.name)
        if wanted.abstract:
            about = text_score(wanted.abstract, carrier.version.abstract)
            names = max(names, (names + about) / 2)
        match = entry_match(likeness, elements, names, threshold)
        near = covers(carrier.resource.region_code, wanted.region_code)
        score = match.score if near else round(match.score * OTHER_REGION, 2)
        needs_reason = carrier.resource.id in needing
        if score >= LISTED_FROM or needs_reason:
            yield SimilarResource(carrier, score, match, near, needs_reason)


async def _elements(
    session: ReadSession, wanted: Wanted, likeness: Sequence[Mapping[str, float]]
) -> list[SimilarElement]:
    best: dict[str, tuple[float, str]] = {}
    for item, alike in zip(wanted.items, likeness, strict=True):
        for code, score in alike.items():
            if score >= LISTED_FROM and score > best.get(code, (0.0, ""))[0]:
                best[code] = (score, item.label)
    rows = await element_store.by_code(session, best)
    in_use = [code for code in best if code in rows and rows[code].retired_at is None]
    likest = sorted(in_use, key=lambda code: (-best[code][0], code))[:LISTED_MAX]
    origins = await sources.sources_of(session, likest, wanted.region_code)
    return [
        SimilarElement(rows[code], best[code][1], best[code][0], origins.get(code))
        for code in likest
    ]
