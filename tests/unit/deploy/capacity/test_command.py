"""The command prints what the options describe."""

from pathlib import Path

import msgspec
import pytest

from deploy.capacity import costs
from deploy.capacity import tables as page
from deploy.capacity.__main__ import main
from deploy.capacity.load import Load, Site
from tests.support.capacity import COSTS


@pytest.fixture
def kept(tmp_path: Path) -> str:
    costs.write(COSTS, tmp_path / "costs.json")
    return str(tmp_path / "costs.json")


def test_costs_are_read_as_they_were_written(kept: str) -> None:
    assert costs.read(Path(kept)) == COSTS


def test_without_a_choice_both_scenarios_are_printed(
    kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--costs", kept]) == 0
    told = capsys.readouterr().out
    assert "|  | region |" in told
    assert "|  | nation |" in told
    assert "3 round(s), 2 cores" in told


def test_options_describe_a_load(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--records-per-second", "1000", "--peak-factor", "2", "--subscriptions", "77"]
    assert main(["--costs", kept, *asked]) == 0
    told = capsys.readouterr().out
    assert "1,000/s, 2,000/s" in told
    assert ", 77 |" in told
    assert "region" not in told


def test_options_change_a_scenario_and_the_rules(
    kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["region", "--costs", kept]) == 0
    usual = capsys.readouterr().out
    assert main(["region", "--costs", kept, "--gateway-cores", "64", "--batch", "1"]) == 0
    changed = capsys.readouterr().out
    assert "× 64 cores" in changed
    assert "× 64 cores" not in usual


@pytest.mark.parametrize("struct", [Load, Site])
def test_every_field_is_an_option(
    struct: type[msgspec.Struct], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    for field in msgspec.structs.fields(struct):
        if field.name != "name":
            assert f"--{field.name.replace('_', '-')} " in told


def test_costs_that_are_missing_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--costs", str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err


def test_a_page_is_renewed_in_its_printed_parts_only(tmp_path: Path) -> None:
    told = tmp_path / "page"
    told.write_text("before\n<!-- capacity: costs -->\nold\n<!-- end -->\nafter\n")
    page.write(COSTS, told)
    renewed = told.read_text(encoding="utf-8")
    assert renewed.startswith("before\n<!-- capacity: costs -->\n| µs of |")
    assert renewed.endswith("<!-- end -->\nafter\n")
    assert "old" not in renewed
    assert page.renewed(renewed, COSTS) == renewed


def test_an_unknown_part_of_a_page_is_an_error() -> None:
    with pytest.raises(KeyError):
        page.renewed("<!-- capacity: wishes -->\n<!-- end -->\n", COSTS)
