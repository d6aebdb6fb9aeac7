"""A refusal at the terminal names the values that may stand there."""

import httpx

from shuyuan_client.refusals import CHOICES_TOLD, Refused, choices

ERROR = {"path": "level", "code": "not_in_code_list", "message": "不在代码集内"}


def test_values_are_named_and_a_long_list_in_part() -> None:
    assert choices(ERROR) == ("", "")
    assert choices({**ERROR, "allowed": ["1", "2"]}) == ("；可用的值：1、2", "; allowed: 1, 2")
    many = [str(number) for number in range(CHOICES_TOLD + 5)]
    zh, en = choices({**ERROR, "allowed": many})
    assert zh.endswith("，另有 5 个")
    assert en.endswith(" and 5 more")


def test_a_refusal_says_them() -> None:
    problem = {"code": "validation_failed", "detail": "校验未通过"}
    answer = httpx.Response(422, json={**problem, "errors": [{**ERROR, "allowed": ["1"]}]})
    assert "不在代码集内；可用的值：1（" in str(Refused(answer).args[0])
