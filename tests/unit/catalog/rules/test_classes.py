"""类 and 项 of class codes by name."""

import re

from catalog.rules.classes import CLASS_NAMES, GROUP_NAMES, name_of
from gateway.api.entries import CLASS_PATTERN
from gateway.console import labels_catalogue


def test_every_named_class_may_stand_in_an_entry_and_the_console_calls_it_so() -> None:
    """The class was once typed blind: no list of classes stood anywhere."""
    assert all(re.fullmatch(CLASS_PATTERN, code) for code in GROUP_NAMES)
    called = labels_catalogue.CLASSES
    assert {code: called[code] for code in called if len(code) > 1} == GROUP_NAMES
    assert set(called) - set(GROUP_NAMES) == set(CLASS_NAMES)


def test_groups_are_numbered_as_the_guide_lists_them() -> None:
    # Known from codes in use: 307 of provinces, 208 of credit, 211 of the environment.
    named = [name_of(code) for code in ("101", "208", "211", "1", "101001")]
    assert named == ["人口", "信用体系", "生态环保", "基础信息资源", None]
    assert str(name_of("307")).startswith("省")
