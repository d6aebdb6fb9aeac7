"""`docs/region.md` proves every named system: rows and reasons are compared, not figures."""

from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from deploy.region import checking
from deploy.region.events import Event, events
from deploy.region.files import SystemRow
from deploy.region.proof import COLUMNS, EVENT_COLUMNS, OPEN, RETURN
from deploy.region.region import Region
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "region.md"
REGION = checking.region()


@cache
def tables() -> Sequence[list[list[str]]]:
    """Return the cells of each row of both tables, without their heads."""
    parts = PAGE.read_text(encoding="utf-8").partition("\n## ")[::2]
    rows = [[line for line in part.splitlines() if line.startswith("|")] for part in parts]
    return [[[cell.strip() for cell in row.strip("|").split("|")] for row in it[2:]] for it in rows]


def lines() -> Sequence[list[str]]:
    return tables()[0]


@cache
def proofs() -> Mapping[str, list[str]]:
    return {cells[0]: cells for cells in lines()}


def uses_of(region: Region, system: SystemRow) -> list[str]:
    resource = region.resources.get(system.id)
    opened = [OPEN] if resource is not None and resource.is_open else []
    return opened + [
        f"{pair.resource.system.id}: {pair.mode}" + (f", {RETURN}" if pair.return_flow else "")
        for pair in region.pairs
        if pair.consumer.id == system.id
    ]


def test_there_is_one_line_for_each_system_and_no_other() -> None:
    assert [cells[0] for cells in lines()] == [row.id for row in REGION.files.systems]
    assert {len(cells) for cells in lines()} == {len(COLUMNS)}


@pytest.mark.parametrize("system", REGION.files.systems, ids=lambda row: row.id)
def test_a_named_system_is_proved(system: SystemRow) -> None:
    cells = proofs()[system.id]
    assert cells[1:6] == [
        system.name, ", ".join(system.documents), system.department, system.role,
        system.resource or "",
    ]  # fmt: skip
    resource = REGION.resources.get(system.id)
    assert cells[6] == (", ".join(resource.modes) if resource else "")
    if resource and resource.records:
        assert int(cells[7].replace(",", "")) >= 1_000
    else:
        assert cells[7] == ""
    if system.role == "X":
        assert cells[8] == system.reason
    else:
        assert [_use(told) for told in cells[8].split("<br>") if told] == uses_of(REGION, system)


def _use(told: str) -> str:
    """What a cell says of a use, without its figures."""
    use, *more = told.split(", ")
    if use.startswith(OPEN):
        return OPEN
    return f"{use}, {RETURN}" if more[0] == RETURN else use


def test_each_event_has_its_line_and_no_other_has() -> None:
    told = tables()[1]
    assert [cells[0] for cells in told] == [event.id for event in events(REGION)]
    assert {len(cells) for cells in told} == {len(EVENT_COLUMNS)}


@pytest.mark.parametrize("event", events(REGION), ids=lambda event: event.id)
def test_an_event_has_come_to_its_end(event: Event) -> None:
    (cells,) = [cells for cells in tables()[1] if cells[0] == event.id]
    assert cells[1:4] == [event.kind, event.parties, event.said]
    # The grant of one day ends at midnight, which no run waits for.
    states = {event.state, "active"} if event.state == "expired" else {event.state}
    assert cells[4] in states
    assert cells[5]


def test_each_city_gets_back_its_own_rows_of_every_entry_made_from_its_own() -> None:
    for row in REGION.files.story.derived:
        for name in row.derived_from:
            if not name.startswith("city-exchange-"):
                continue
            uses = uses_of(REGION, REGION.resources[name].system)
            assert any(use.startswith(row.system) and use.endswith(RETURN) for use in uses)
