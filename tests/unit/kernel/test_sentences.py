"""What a refusal says to people, who see no list beside the sentence.

A code outside its list was once refused on pages, in workbooks and at the terminal without the
codes that may stand there: `allowed` was in the API's body alone.
"""

import pytest

from kernel.errors import LISTED_MAX, FieldError


def refused(*allowed: str, code: str = "not_in_code_list", index: int | None = 0) -> FieldError:
    return FieldError(
        "level", code, "“级别”不在代码集内", "level is not in the list", index, allowed
    )


def test_the_values_that_may_stand_there_are_named() -> None:
    error = refused("1", "2")
    assert error.sentence(english=False) == "“级别”不在代码集内；可用的值：1、2"
    assert error.sentence(english=True) == "level is not in the list; allowed: 1, 2"


def test_a_long_list_is_named_in_part() -> None:
    told = refused(*map(str, range(100, 200))).sentence(english=False)
    assert told.endswith(f"{99 + LISTED_MAX}，另有 {100 - LISTED_MAX} 个")


@pytest.mark.parametrize(
    "error",
    [
        refused(),
        refused("true", index=None),
        refused("a-resource", code="duplicate_unexplained", index=None),
        FieldError("mode", "not_in_code_list", "共享方式只有 pull", "pull only", allowed=("pull",)),
    ],
)
def test_nothing_is_added_where_it_says_nothing_new(error: FieldError) -> None:
    assert error.sentence(english=False) == error.zh
