"""The crosswalks of grants that named editions, made once for all that name the same."""

from collections.abc import Mapping
from typing import Final

from catalog import crosswalks
from catalog.crosswalks import ListedEdition
from catalog.rules.crosswalks import Crosswalk
from exchange.subscriptions.grants import Grant
from kernel.cache import RuleCache
from kernel.database import Database
from kernel.turns import FairScheduler

# Of an edition that was withdrawn: no value has a place in it, and its line says so.
NONE_FITS: Final = Crosswalk(frozenset(), {})
CROSSWALKS_MAX, CROSSWALKS_BYTES_MAX = 500, 64 * 1024 * 1024
_SEPARATOR: Final = "\n"


class Crosswalks:
    """One worker's; an edition that is added or withdrawn makes others, under other names."""

    def __init__(self, database: Database, turns: FairScheduler) -> None:
        self._database = database
        self._turns = turns
        self._cache: RuleCache[Crosswalk] = RuleCache(
            self._load,
            size=CROSSWALKS_MAX,
            parts=lambda made: {id(made): made.size_bytes},
            most_bytes=CROSSWALKS_BYTES_MAX,
        )

    async def of(self, grant: Grant) -> Mapping[str, Crosswalk]:
        """Return the crosswalk of each item whose element has a code list."""
        elements = {item: grant.elements[item] for item in grant.editions if item in grant.elements}
        names: dict[str, str] = {}
        found: dict[str, Crosswalk] = {}
        async with self._database.reading() as session:
            lists = await crosswalks.lists_of(session, set(elements.values()))
            for item, element in elements.items():
                code_list, edition = lists.get(element), grant.editions[item]
                if code_list is None:
                    continue
                editions = await crosswalks.editions_of(session, code_list)
                if edition in editions:
                    names[item] = _SEPARATOR.join((code_list, edition, *editions))
                else:
                    found[item] = NONE_FITS
        return found | {item: await self._cache.get(name) for item, name in names.items()}

    async def _load(self, name: str) -> Crosswalk:
        code_list, edition, *editions = name.split(_SEPARATOR)
        async with self._database.reading() as session:
            listed = ListedEdition(code_list, edition, tuple(editions))
            return await crosswalks.read(session, listed, self._turns)
