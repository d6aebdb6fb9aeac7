"""docs/tables.md is printed from the models, and the drawing in docs/architecture.md is of them."""

import re

from tests.docs.pages import text
from tests.docs.tables import MARK, PACKAGES, models, page_part, references, table

EDGE = re.compile(r"^ +(\w+) \|\|--[o|]\{ (\w+) : ", re.MULTILINE)


def test_the_page_tells_every_table_as_the_code_has_it() -> None:
    """Print it anew with `python -m tests.docs.tables`."""
    assert text("tables.md").partition(MARK)[2] == page_part()


def test_every_relation_that_is_drawn_is_a_foreign_key() -> None:
    drawn = EDGE.findall(text("architecture.md"))
    assert len(drawn) > 15
    keys = {
        (name.rpartition(".")[2], table(model).name)
        for model in models()
        for name in references(model)
    }
    assert set(drawn) <= keys


def test_foreign_keys_never_point_up() -> None:
    order = {package: number for number, package in enumerate(PACKAGES)}
    for model in models():
        here = order[table(model).schema or ""]
        assert all(order[name.partition(".")[0]] <= here for name in references(model))
