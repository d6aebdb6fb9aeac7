"""How often likeness is right: on pairs of which half were never looked at while it was made."""

import pytest

from catalog.contracts.model import DataType
from catalog.rules.similarity import SAME_DATUM, Datum, datum_score, entry_match
from catalog.rules.terms import vocabulary
from tests.support.likeness import HELD_OUT, like, measured, pairs

PRECISION, RECALL = 0.80, 0.85


def test_likeness_is_right_on_pairs_it_was_not_made_from() -> None:
    found = measured(HELD_OUT)
    assert found.pairs >= 300
    assert found.precision >= PRECISION
    assert found.recall >= RECALL


def test_likeness_is_the_same_from_either_side() -> None:
    assert all(like(one, other) == like(other, one) for one, other, _same in pairs(HELD_OUT))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("统一社会信用代码", "企业统一社会信用代码(18位)"),
        ("ＩＤ号码", "id号码"),
        ("户口所在地", "户籍地址"),
        ("法定代表人", "法人代表姓名"),
    ],
)
def test_writings_of_one_datum_are_alike(one: str, other: str) -> None:
    assert like(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("出生日期", "死亡日期"),
        ("姓名", "法定代表人姓名"),
        ("有效期起", "有效期止"),
        ("企业名称", "企业地址"),
        ("经度", "纬度"),
        ("统计用区划名称", "统计用区划级别"),
    ],
)
def test_near_misses_are_not(one: str, other: str) -> None:
    assert not like(one, other)


def test_the_same_element_is_the_same_datum_whatever_it_is_called() -> None:
    one, other = Datum(name="甲", element="DE1"), Datum(name="乙", element="DE1")
    assert datum_score(one, other) == 1.0


def test_a_name_that_says_little_is_told_apart_by_its_definition() -> None:
    ship = Datum(name="状态", definition="船舶在港口的停靠状态")
    firm = Datum(name="状态", definition="市场主体登记后的存续情形")
    assert datum_score(ship, firm) < SAME_DATUM
    assert datum_score(ship, ship) >= SAME_DATUM


def test_types_and_code_lists_count() -> None:
    day = Datum(name="登记日期", data_type=DataType.DATE)
    amount = Datum(name="登记时间", data_type=DataType.DECIMAL)
    assert datum_score(day, amount) < SAME_DATUM
    listed = Datum(name="民族", data_type=DataType.CODE, code_list="GB/T 3304")
    written = Datum(name="民族名称", data_type=DataType.STRING)
    assert datum_score(listed, written) >= SAME_DATUM


def test_an_entry_is_like_another_by_the_share_of_its_items() -> None:
    likeness = [{"A": 1.0}, {"B": 0.9}, {"C": 0.7}, {"D": 1.0, "E": 0.8}]
    match = entry_match(likeness, {"A", "B", "C", "E"}, names=0.0)
    assert (match.score, match.shared, match.same_items, match.items) == (
        0.75, ("A", "B", "E"), 3, 4,
    )  # fmt: skip
    assert entry_match(likeness, {"A", "B", "C", "E"}, names=1.0).score == 0.88


def test_every_listed_writing_stands_once() -> None:
    known = vocabulary()
    words = [writing for group in known.groups.values() for writing in group]
    assert len(words) == len(set(words))
