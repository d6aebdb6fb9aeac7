"""`shuyuan doctor` against a live platform."""

from pathlib import Path

import pytest

from shuyuan_client.cli.new_key import generated
from tests.support.desk import Desk
from tests.support.terminal import Terminal
from tests.support.world import World


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({}, 0, "登录为"),
        ({"SHUYUAN_CLIENT_SECRET": "wrong"}, 1, "核对应用系统标识与密钥"),
        ({"SHUYUAN_CLIENT_SECRET": ""}, 1, "地址或凭据不可用"),
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


async def test_a_client_may_sign_in_by_its_private_key(
    world: World, settings: dict[str, str], tmp_path: Path
) -> None:
    department = await world.department()
    head = await world.new_person(department.uscc, "head")
    pem, public = generated()
    asked = {
        "name": "系统",
        "department": department.uscc,
        "scopes": ["records:publish", "catalog:read"],
        "auth_method": "private_key_jwt",
        "jwks": {"keys": [public]},
    }
    made = await head.ask("POST", "/v1/clients", asked)
    key, profile = tmp_path / "client.key", tmp_path / "client.env"
    key.write_bytes(pem)
    key.chmod(0o600)
    profile.write_text(
        f"SHUYUAN_BASE_URL={world.base_url}\nSHUYUAN_CLIENT_ID={made['client_id']}\n"
        f"SHUYUAN_CLIENT_KEY_FILE=client.key\nSHUYUAN_CLIENT_KEY_ID={public['kid']}\n"
    )
    profile.chmod(0o600)
    right = await Terminal(settings).run("doctor", "--profile", profile)
    assert right.code == 0, right.out
    assert "client.key" in right.out
    assert "登录为" in right.out
    key.write_bytes(generated()[0])
    unknown = await Terminal(settings).run("doctor", "--profile", profile)
    assert unknown.code == 1
    assert "jwks" in unknown.out
    key.chmod(0o644)
    readable = await Terminal(settings).run("doctor", "--profile", profile)
    assert (readable.code, "chmod 600" in readable.out) == (1, True)
