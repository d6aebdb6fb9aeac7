"""Under which terms subscriptions were shown records: those of each revision of the grant."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from catalog import versions
from catalog.contracts.published import RecordVersion
from exchange import store as moving
from exchange.delivery import grant_plans
from exchange.delivery.projection.views import Terms
from exchange.metering.evidence.delivered import Handed, LastSeen, Under, lost
from exchange.subscriptions import earlier, grants
from exchange.subscriptions.grants import Grant
from exchange.subscriptions.tables import EarlierTerms, Subscription
from kernel.database import ReadSession
from kernel.secretbox import Secretbox

DIGESTS: Final = "corrections"


class GrantedTerms:
    """Terms of some subscriptions of one resource, by revision and version in force."""

    def __init__(
        self,
        box: Secretbox,
        granted: Mapping[str, Grant],
        before: Mapping[str, Sequence[EarlierTerms]],
        known: Mapping[int, RecordVersion],
    ) -> None:
        self._box = box
        self._granted = granted
        self._before = before
        self._known = known
        self._made: dict[Under, Terms] = {}

    def of(self, under: Under) -> Terms:
        """Return the terms; KeyError for a subscription that was not asked for."""
        key = under._replace(partition=0)
        if key not in self._made:
            id_ = under.subscription_id
            grant = earlier.grant_at(self._granted[id_], self._before.get(id_, ()), under.revision)
            hash_key = self._box.derive(f"subscription:{id_}")
            self._made[key] = grant_plans.terms_of(grant, self._known, under.version, hash_key)
        return self._made[key]

    def lost(self, seen: Iterable[LastSeen], partition: int) -> list[Handed]:
        """Return what may have been handed on by killed workers, under any terms there were."""
        return [handed for each in seen for handed in self._lost(each, partition)]

    def _lost(self, seen: LastSeen, partition: int) -> list[Handed]:
        before = self._before.get(seen.subscription_id, ())
        revisions = [*(row.until_revision for row in before)]
        revisions.append(self._granted[seen.subscription_id].revision)
        return lost(seen, revisions, self._known, partition)


async def load(
    session: ReadSession, box: Secretbox, resource_id: str, subscription_ids: Collection[str]
) -> GrantedTerms:
    """Return the terms of these subscriptions of the resource."""
    wanted = sorted(set(subscription_ids))
    rows = await moving.several(session, Subscription, wanted)
    granted = {row.id: grants.grant_of(row) for row in rows}
    before = await earlier.of(session, wanted)
    known = (await versions.record_versions(session, [resource_id]))[resource_id]
    return GrantedTerms(box, granted, before, known)
