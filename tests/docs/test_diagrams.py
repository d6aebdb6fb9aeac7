"""The diagrams of docs/states.md are those of the state tables."""

import pytest

from tests.docs.diagrams import DIAGRAMS
from tests.docs.pages import text


@pytest.mark.parametrize("name", DIAGRAMS)
def test_the_diagram_is_drawn_from_the_table(name: str) -> None:
    """Print them anew with `python -m tests.docs.diagrams`."""
    drawn = f"<!-- states: {name} -->\n```mermaid\n{DIAGRAMS[name]}\n```\n"
    assert drawn in text("states.md")
