"""Divisions and places of faults have names: a bare 450102 says nothing to the one who reads it."""

import pytest

from gateway.console.render import classified, division, divisions, place, translations


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


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("101001", "基础 · 人口（101001）"),
        ("399", "部门（399）"),
        ("2", "主题（2）"),
        ("900", "900"),
    ],
)
def test_a_class_has_its_name(code: str, told: str) -> None:
    """An entry's page said 类目代码 101001, and nothing else did either."""
    assert classified(translations(english=False), code, code=True) == told


def test_divisions_are_offered_by_names_that_are_told_apart() -> None:
    offered = divisions()
    assert ("450102", "南宁市 兴宁区") in offered
    # 450127 (横县) has ended.
    assert "450127" not in dict(offered)
    names = [name for _, name in offered]
    assert len(set(names)) == len(names)
