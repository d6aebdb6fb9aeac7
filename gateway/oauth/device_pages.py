"""The pages by which a person lets a device without a browser sign in, or refuses it."""

from collections.abc import Mapping

from starlette.responses import Response

from auth.oauth import public_client, user_codes
from auth.oauth.device import PATH, Waiting
from auth.principal import Scope
from auth.sign_in import Entered
from gateway.oauth import pages
from gateway.oauth.browser import Browser
from kernel.clock import SHANGHAI
from kernel.errors import ShuyuanError, Text

SHOWN_MAX = 20
SCOPES: Mapping[str, Text] = {
    Scope.CATALOG_READ: Text("查看目录与自己的事项", "read the catalogue and one's own matters"),
    Scope.CATALOG_WRITE: Text("编制、审核目录", "draft and decide on entries of the catalogue"),
    Scope.APPLICATIONS_WRITE: Text("提出、签批、答复申请", "make, sign and answer applications"),
    Scope.AUDIT_READ: Text("查看审计日志", "read the audit log"),
    Scope.ADMIN: Text("管理部门、人员与应用系统", "manage departments, people and clients"),
}
APPROVED = Text(
    "已允许登录。请回到该设备，此页可以关闭。",
    "The device is signed in. Go back to it; this page may be closed.",
)
DENIED = Text(
    "已拒绝。如果不是您本人发起，请告知安全管理员。",
    "Refused. If it was not you who asked, tell your security officer.",
)


def form(
    browser: Browser, user_code: str, *, username: str = "", error: ShuyuanError | None = None
) -> Response:
    """Return the form: 200, or the status of what went wrong before."""
    return pages.with_error(
        browser, "device.html", error,
        action=PATH, hidden={}, user_code=user_code[:SHOWN_MAX], username=username,
    )  # fmt: skip


def new_password(
    browser: Browser, user_code: str, ticket: str, *, error: ShuyuanError | None = None
) -> Response:
    hidden = {"user_code": user_code}
    return pages.with_error(
        browser, "new_password.html", error, action=PATH, hidden=hidden, ticket=ticket
    )


def decision(
    browser: Browser, user_code: str, asked: Waiting, person: Entered, token: str
) -> Response:
    """Return what is asked for, by whom it seems, and two buttons."""
    scopes = [(scope, pages.say(browser, SCOPES[scope])) for scope in asked.scope.split() if scope]
    return pages.page(
        browser, "device_decision.html", 200,
        action=PATH, token=token, user_code=user_codes.shown(user_codes.typed(user_code)),
        client=public_client.CLIENT_ID, scopes=scopes, address=asked.address,
        asked_at=asked.asked_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
        person=f"{person.name}（{person.username}）",
    )  # fmt: skip


def decided(browser: Browser, *, approved: bool) -> Response:
    sentence = pages.say(browser, APPROVED if approved else DENIED)
    return pages.page(browser, "device_decided.html", 200, told=sentence)
