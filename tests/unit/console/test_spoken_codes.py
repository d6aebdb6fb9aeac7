"""Divisions and places of faults have names: a bare 450102 says nothing to the one who reads it."""

import pytest

from gateway.console.render import division, place, translations


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


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("reviews.secrecy.by", "评估 · 保密审查 · 由谁审查"),
        ("items[3].element", "信息项 4 · 数据元"),
        ("items[0].name", "信息项 1 · 字段名"),
        ("name", "资源名称"),
        ("something.else", "something.else"),
    ],
)
def test_the_place_of_a_fault_is_told_as_people_call_it(path: str, told: str) -> None:
    """A refused draft said `reviews.secrecy.by`."""
    assert place(translations(english=False), path) == told
