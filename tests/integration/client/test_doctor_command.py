"""`shuyuan doctor` against a live platform."""

import pytest

from tests.support.desk import Desk
from tests.support.terminal import Terminal


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({}, 0, "登录为"),
        ({"SHUYUAN_CLIENT_SECRET": "wrong"}, 1, "核对应用系统标识与密钥"),
        ({"SHUYUAN_CLIENT_SECRET": ""}, 1, "凭据不全"),
        ({"SHUYUAN_BASE_URL": "http://127.0.0.1:9"}, 3, "检查地址"),
        ({"SHUYUAN_BASE_URL": "http://["}, 1, "地址"),
    ],
)
async def test_each_fault_comes_with_what_to_do(
    desk: Desk, changes: dict[str, str], code: int, told: str
) -> None:
    ran = await Terminal({**desk.consumer.settings, **changes}).run("doctor")
    assert ran.code == code, ran.out + ran.err
    assert told in ran.out
    assert "Traceback" not in ran.err
    assert ran.out.count("→") == (1 if code else 0)
