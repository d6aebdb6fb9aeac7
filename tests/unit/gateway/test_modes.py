"""A mode of sharing is named in several places, each of which has to know all of them.

`api` was served for weeks and no workbook had a word for it: an entry that was exported could not
be loaded again.
"""

from typing import get_args

import pytest
from sqlalchemy import CheckConstraint, Table
from sqlmodel import SQLModel

from catalog.entries import ShareMode
from exchange.applications.tables import Application
from exchange.modes import SERVED, SERVED_BY
from exchange.subscriptions.tables import Subscription
from gateway.api.sharing import Mode
from gateway.console import labels_catalogue
from gateway.workbooks import catalogue
from gateway.workbooks.columns import cells_of, value_of
from kernel.workbooks.reading import Cell


def test_entries_the_api_and_people_have_a_word_for_each_mode() -> None:
    assert [str(mode) for mode in ShareMode] == list(SERVED)
    assert get_args(Mode) == SERVED
    assert tuple(labels_catalogue.MODES) == SERVED
    assert tuple(map(str, catalogue.MODES.values())) == SERVED


def test_what_resources_hold_is_taken_by_the_modes_that_are_served() -> None:
    assert frozenset(SERVED) == frozenset[str]().union(*SERVED_BY.values())


@pytest.mark.parametrize("model", [Application, Subscription])
def test_the_database_takes_each_mode(model: type[SQLModel]) -> None:
    table = SQLModel.metadata.tables[f"exchange.{model.__tablename__}"]
    assert isinstance(table, Table)
    checks = [str(c.sqltext) for c in table.constraints if isinstance(c, CheckConstraint)]
    [modes] = [check for check in checks if check.startswith("mode IN ")]
    assert modes == f"mode IN {SERVED}"


def test_the_modes_of_an_exported_entry_can_be_loaded_again() -> None:
    [column] = [each for each in catalogue.LAYOUT.master.columns if each.path == "share_modes"]
    [cell] = cells_of([column], {"share_modes": list(SERVED)})
    assert value_of(column, Cell(cell)) == list(ShareMode)
