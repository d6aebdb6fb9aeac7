"""`docs/region.md` proves every named system: rows and reasons are compared, not figures."""

from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from deploy.region import checking
from deploy.region.files import SystemRow
from deploy.region.proof import COLUMNS, OPEN
from deploy.region.region import Region
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "region.md"
REGION = checking.region()


@cache
def lines() -> Sequence[list[str]]:
    """Return the cells of each row of the table, without its head."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


@cache
def proofs() -> Mapping[str, list[str]]:
    return {cells[0]: cells for cells in lines()}


def uses_of(region: Region, system: SystemRow) -> list[str]:
    resource = region.resources.get(system.id)
    opened = [OPEN] if resource is not None and resource.is_open else []
    return opened + [
        f"{pair.resource.system.id}: {pair.mode}"
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
        told = [use.partition(", ")[0] for use in cells[8].split("<br>") if use]
        assert [OPEN if use.startswith(OPEN) else use for use in told] == uses_of(REGION, system)
