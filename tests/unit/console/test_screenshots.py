"""Which pictures a command takes: a demo once overwrote those of the region with its own."""

import pytest

from tests.browser.screenshots import PAGES, REGION, wanted_of


def named(only: str) -> set[str]:
    return {name for pages in PAGES.values() for name in wanted_of(pages, only)}


def test_pictures_of_the_region_are_taken_on_request_only() -> None:
    region = {name for pages in PAGES.values() for name in pages if name.startswith(REGION)}
    assert region
    assert not named("") & region
    assert region < named("region")


@pytest.mark.parametrize("name", ["catalogue", "status", "regions"])
def test_the_page_of_divisions_and_others_are_taken_of_a_demo(name: str) -> None:
    assert name in named("")
