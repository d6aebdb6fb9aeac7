"""The events of the region in one list: what each is, and between whom; for the proof."""

from collections.abc import Iterator
from dataclasses import dataclass

from deploy.region.region import Region

# A grant of one day goes on until midnight: a later run looks at it again.
PENDING = "active"
ENDED = {"suspended": "suspended", "expired": "expired", "disposed": "terminated"}


@dataclass(frozen=True, slots=True)
class Event:
    """`state` is the one that it leads to."""

    id: str
    kind: str
    parties: str
    said: str
    state: str


def events(region: Region) -> list[Event]:
    """Return every event of the files, in the order in which they happen."""
    return [*_shared(region), *_answered(region), *_governed(region)]


def _shared(region: Region) -> Iterator[Event]:
    providers = {row.id: row.provider for row in region.story.bundles}
    for row in region.story.bundles:
        parties = f"{', '.join(row.consumers)} < {row.provider}"
        yield Event(row.id, "打包申请 / bundle", parties, row.title, "agreed")
    for correction in region.story.corrections:
        parties = f"{', '.join(correction.readers)} < {providers[correction.bundle]}"
        said = correction.reason
        yield Event(correction.id, "校核 / correction", parties, said, "confirmed")


def _answered(region: Region) -> Iterator[Event]:
    for contest in region.story.contests:
        parties = f"{contest.first}, {contest.rival}: {contest.element}"
        kind = "数源争议 / contested source"
        yield Event(contest.id, kind, parties, contest.reason, "settled")
    for row in region.story.decisions:
        parties = f"{row.consumer} < {row.provider}" + (f" → {row.to}" if row.to else "")
        kind = "拒绝 / refused" if row.outcome == "refused" else "转办 / rerouted"
        yield Event(row.id, kind, parties, row.reason, row.outcome)
    kinds = {"suspended": "停用 / suspended", "expired": "到期 / expired"}
    for fate in region.story.fates:
        kind = kinds.get(fate.fate, "处置 / disposed")
        parties = f"{fate.consumer} < {fate.provider}"
        yield Event(fate.id, kind, parties, fate.reason, ENDED[fate.fate])


def _governed(region: Region) -> Iterator[Event]:
    for row in region.story.announcements:
        kind = "版本公告 / announced version"
        yield Event(row.id, kind, f"{row.provider}: {row.item}", row.reason, "in force")
    for merger in region.story.mergers:
        parties = f"{merger.department} → {merger.into}"
        yield Event(merger.id, "部门合并 / merger", parties, merger.basis, "abolished")
    for breach in region.story.breaches:
        yield Event(breach.id, "督办 / order", breach.provider, breach.cause, "closed")
