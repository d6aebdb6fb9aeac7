"""Sentences of refused values."""

from catalog.contracts.model import DataType, Field
from catalog.contracts.reasons import ALLOWED_MAX, Reasons

FIELD = Field(name="kind", label="类型", data_type=DataType.CODE, required=True, key=False)


def test_codes_are_listed_with_the_error_and_of_a_long_list_it_is_said_where_they_stand() -> None:
    short = Reasons(FIELD, ("1", "2")).error("not_in_code_list", 0)
    assert (short.allowed, short.zh) == (("1", "2"), "“类型”不在代码集内")
    many = [str(number) for number in range(ALLOWED_MAX + 1)]
    long = Reasons(FIELD, many).error("not_in_code_list", 0)
    assert long.allowed == ()
    assert long.zh == "“类型”不在代码集内，可用的 101 个代码见该资源的“契约和示例”"
    assert "101 codes" in long.en
