"""docs/capacity.md tells what the program prints from the kept costs."""

import re
import shlex

from deploy.capacity import costs
from deploy.capacity import tables as page
from deploy.capacity.__main__ import main
from tests.docs.pages import blocks, text

PAGE = text("capacity.md")


def test_the_page_shows_what_the_kept_costs_come_to() -> None:
    """Print them anew with `make capacity ARGS=--write-page`."""
    assert page.renewed(PAGE, costs.read()) == PAGE


def test_every_printed_part_is_on_the_page() -> None:
    named = re.findall(r"<!-- capacity: (\w+) -->", PAGE)
    assert sorted(named) == sorted(page.blocks(costs.read()))


def test_the_model_was_checked_by_points_that_it_was_not_fitted_to() -> None:
    kept = costs.read()
    fitted = {point.name for point in kept.fitted}
    checked = {point.name for point in kept.checked}
    assert len(checked) >= 3
    assert not checked & fitted


def test_the_examples_are_understood() -> None:
    shown = re.findall(r'make capacity ARGS="(.*?)"', "\n".join(blocks(PAGE, "sh")))
    assert len(shown) == 5
    for example in shown:
        arguments = shlex.split(example)
        if not {"--check", "--fit", "--write-page"} & set(arguments):
            assert main(arguments) == 0
