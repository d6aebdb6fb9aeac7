"""What happens in the region besides everyday sharing: one kind of event a file, one a line."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from deploy.region.reading import Problem, Row, read

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Mode = Literal["pull", "table", "query"]
Mask = Annotated[str, Meta(pattern=r"^[0-9]+-[0-9]+$")]


class DerivedRow(Row, frozen=True, kw_only=True):
    """An entry that is made from entries of other systems: its rows flow back (Art 24)."""

    system: Name
    derived_from: tuple[str, ...]
    why: Text


class ContestRow(Row, frozen=True, kw_only=True):
    """Two departments claim one element; the authority keeps the first, or takes the rival."""

    id: Name
    element: Text
    first: Text
    rival: Text
    outcome: Literal["kept", "replaced"]
    reason: Text


class DecisionRow(Row, frozen=True, kw_only=True):
    """An application that is refused, or rerouted to the resource of the system `to`.

    Of a refusal with code 2 `to` is a system of the department whose datum it is.
    """

    id: Name
    consumer: Name
    provider: Name
    mode: Mode
    items: tuple[str, ...] = ()
    outcome: Literal["refused", "rerouted"]
    code: Annotated[int, Meta(ge=1, le=4)] | None = None
    to: Name | None = None
    reason: Text
    basis: Text | None = None


class FateRow(Row, frozen=True, kw_only=True):
    """A grant that does not run its year: suspended, good for a day, or disposed of."""

    id: Name
    consumer: Name
    provider: Name
    mode: Mode
    fate: Literal["suspended", "expired", "disposed"]
    reason: Text


class BundleRow(Row, frozen=True, kw_only=True):
    """Several systems of one department ask for one resource in one form."""

    id: Name
    title: Text
    provider: Name
    mode: Mode
    consumers: tuple[str, ...]


class CorrectionRow(Row, frozen=True, kw_only=True):
    """Readers of a bundle receive a wrong value in a record, which one of them disputes."""

    id: Name
    bundle: Name
    readers: tuple[str, ...]
    record: Annotated[int, Meta(ge=1, le=1_000)]
    item: Text
    wrong: Text
    reason: Text


class MergerRow(Row, frozen=True, kw_only=True):
    """A department that is merged into another one, with an entry that it has drafted."""

    id: Name
    department: Text
    into: Text
    entry: Text
    basis: Text


class AnnouncementRow(Row, frozen=True, kw_only=True):
    """A version that masks an item; the consent of departments that keep silent is filed."""

    id: Name
    provider: Name
    item: Text
    mask: Mask
    unanswered: tuple[str, ...] = ()
    reason: Text
    basis: Text


class BreachRow(Row, frozen=True, kw_only=True):
    """A change of so many days ago that the entry has not followed: a violation, an order."""

    id: Name
    provider: Name
    cause: Text
    days_ago: Annotated[int, Meta(ge=30, le=700)]
    demand: Text
    answer: Text


@dataclass(frozen=True, slots=True)
class Story:
    """Every file of events, read."""

    derived: list[DerivedRow]
    contests: list[ContestRow]
    decisions: list[DecisionRow]
    fates: list[FateRow]
    bundles: list[BundleRow]
    corrections: list[CorrectionRow]
    mergers: list[MergerRow]
    announcements: list[AnnouncementRow]
    breaches: list[BreachRow]

    def only(self, systems: Collection[str]) -> "Story":
        """Return the events of a part of the region: those whose systems are all in it."""
        bundles = [row for row in self.bundles if {row.provider, *row.consumers} <= {*systems}]
        ids = {row.id for row in bundles}
        return Story(
            derived=[row for row in self.derived if row.system in systems],
            contests=self.contests,
            decisions=[
                row
                for row in self.decisions
                if {row.consumer, row.provider, row.to or row.provider} <= {*systems}
            ],
            fates=[row for row in self.fates if {row.consumer, row.provider} <= {*systems}],
            bundles=bundles,
            corrections=[row for row in self.corrections if row.bundle in ids],
            mergers=self.mergers,
            announcements=[row for row in self.announcements if row.provider in systems],
            breaches=[row for row in self.breaches if row.provider in systems],
        )


def load(folder: Path, wrong: list[Problem]) -> Story:
    """Read the files of events; lines that break their schema are added to `wrong`."""
    return Story(
        derived=read(folder, "derived.csv", DerivedRow, wrong),
        contests=read(folder, "contests.csv", ContestRow, wrong),
        decisions=read(folder, "decisions.csv", DecisionRow, wrong),
        fates=read(folder, "fates.csv", FateRow, wrong),
        bundles=read(folder, "bundles.csv", BundleRow, wrong),
        corrections=read(folder, "corrections.csv", CorrectionRow, wrong),
        mergers=read(folder, "mergers.csv", MergerRow, wrong),
        announcements=read(folder, "announcements.csv", AnnouncementRow, wrong),
        breaches=read(folder, "breaches.csv", BreachRow, wrong),
    )
