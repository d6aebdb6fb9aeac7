"""`shuyuan login` and `shuyuan logout`: a sign-in that other commands go on with."""

import typer

from shuyuan_client.cli.callers import Device, address_of, kept, person
from shuyuan_client.cli.explaining import explained, note
from shuyuan_client.cli.profile import BaseUrl, ProfileFile
from shuyuan_client.cli.sign_ins import end_kept
from shuyuan_client.wording import say


def login(profile: ProfileFile = None, base_url: BaseUrl = None, *, device: Device = False) -> None:
    """人员登录，供其他命令使用 / sign in as a person, for the other commands; see logout."""
    with explained(), person(address_of(profile, base_url), device=device, keeps=True) as client:
        me = client.ask("GET", "/v1/me")
    name, department = me.get("name") or me.get("id"), me.get("department_name") or ""
    typer.echo(
        say(
            f"✓ 已登录：{name}（{department}）；用毕请执行 shuyuan logout",
            f"✓ signed in as {name}, {department}; when done: shuyuan logout",
        )
    )


def logout(profile: ProfileFile = None, base_url: BaseUrl = None) -> None:
    """结束并删除本机保存的登录 / end the sign-in that this machine keeps."""
    with explained():
        address = address_of(profile, base_url)
        was_there = end_kept(address, kept())
    if was_there:
        typer.echo(say("✓ 已退出登录", "✓ signed out"))
    else:
        note(f"本机没有保存 {address} 的登录。", f"No sign-in to {address} is kept here.")
