"""Every text of the console is Chinese, and has its English."""

import re
from collections.abc import Sequence
from functools import cache

from gateway.console import messages
from gateway.console.messages import catalogue


@cache
def extracted() -> Sequence[str]:
    """Return every text; reading all templates takes seconds."""
    return messages.extracted()


def test_every_text_has_its_english() -> None:
    known = catalogue()
    missing = [text for text in extracted() if not (text in known and known[text].string)]
    assert missing == [], "run `python -m gateway.console.messages` and fill in what it adds"


def test_no_english_is_left_of_a_text_that_is_gone() -> None:
    texts = set(extracted())
    assert [message.id for message in catalogue() if message.id and message.id not in texts] == []


def test_values_in_a_text_are_the_same_in_both_languages() -> None:
    known = catalogue()
    assert [message.id for message in known if list(message.check(known))] == []


def test_a_percent_sign_in_a_text_names_a_value() -> None:
    """Templates format every text: one with a bare sign once made a page answer 500."""
    named = re.compile(r"%\(\w+\)s|%%")
    assert [text for text in extracted() if "%" in named.sub("", text)] == []
