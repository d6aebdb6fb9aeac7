"""A division is shown by its name: a bare 450102 says nothing to the one who reads it."""

import pytest

from gateway.console.render import division


@pytest.mark.parametrize(
    ("code", "chinese", "english"),
    [
        ("450000", "广西壮族自治区（450000）", "广西壮族自治区 (450000)"),
        ("450100000000", "南宁市（450100000000）", "南宁市 (450100000000)"),
        # A township by its county.
        ("450102001", "兴宁区（450102001）", "兴宁区 (450102001)"),
        ("999999", "999999", "999999"),
    ],
)
def test_a_division_has_its_name(code: str, chinese: str, english: str) -> None:
    assert (division(code, english=False), division(code, english=True)) == (chinese, english)
