"""The sign-in page, and the page for requests that must not be answered with a redirect."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from auth.oauth.authorization import AuthorizationRequest
from gateway.oauth.browser import Browser
from gateway.problems import RETRY_AFTER_DEFAULT_SECONDS, STATUS
from kernel.errors import ShuyuanError, Text

PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)
AUTHORIZE = "/oauth/authorize"
WAITING = frozenset({429, 503})
WORDS: Mapping[str, Text] = {
    "product": Text("数源 · 数据共享交换平台", "Shuyuan · data-sharing exchange"),
    "sign_in": Text("登录", "Sign in"),
    "lead": Text(
        "以政务部门工作人员身份登录", "Sign in as a member of staff of a government department"
    ),
    "username_label": Text("用户名", "Username"),
    "password_label": Text("口令", "Password"),
    "notice": Text(
        "所有登录与操作均记入审计日志。",
        "Every sign-in and every act is recorded in the audit log.",
    ),
    "new_password_title": Text("设置新口令", "Choose a new password"),
    "new_password_lead": Text(
        "当前口令是他人设置的临时口令，须先更换。",
        "Your password was set by somebody else and must be changed first.",
    ),
    "new_password_label": Text("新口令", "New password"),
    "new_password_again_label": Text("再次输入新口令", "New password again"),
    "new_password_button": Text("保存并登录", "Save and sign in"),
    "new_password_rules": Text(
        "至少 10 个字符，不得为常见口令、用户名或原口令。",
        "At least 10 characters; no common password, not the username, not the old password.",
    ),
    "device_title": Text("在另一设备上登录", "Sign in on another device"),
    "device_lead": Text(
        "请输入该设备上显示的代码，并以本人身份登录",
        "Enter the code that the device shows, and sign in",
    ),
    "user_code_label": Text("设备上的代码", "Code on the device"),
    "device_question": Text("允许该设备以您的身份登录？", "Let the device sign in as you?"),
    "device_warning": Text(
        "仅当您本人刚刚在该设备上发起登录、且代码一致时才允许。",
        "Allow it only if you started this on the device yourself and it shows the same code.",
    ),
    "device_client_label": Text("程序", "Program"),
    "device_address_label": Text("发起地址", "Asked from"),
    "device_time_label": Text("发起时间（北京时间）", "Asked at (Beijing time)"),
    "device_person_label": Text("登录身份", "Signs in as"),
    "device_scopes_label": Text("申请的权限", "It will be able to"),
    "device_allow": Text("允许", "Allow"),
    "device_deny": Text("拒绝", "Refuse"),
    "sign_out": Text("退出登录", "Sign out"),
    "sign_out_lead": Text(
        "退出后，由此浏览器登录的程序也须重新登录。",
        "Programs that were signed in with this browser have to sign in again, too.",
    ),
    "refused": Text("无法处理此授权请求", "This authorization request cannot be answered"),
    "advice": Text(
        "请回到发起登录的程序重新开始。",
        "Go back to the program that sent you here and start again.",
    ),
}


def form(
    browser: Browser,
    asked: AuthorizationRequest,
    *,
    username: str = "",
    error: ShuyuanError | None = None,
) -> Response:
    """Return the form: 200, or the status of what went wrong before."""
    return with_error(
        browser, "sign_in.html", error, asked.redirect_uri,
        action=AUTHORIZE, hidden=asked.parameters, username=username,
    )  # fmt: skip


def new_password(
    browser: Browser,
    asked: AuthorizationRequest,
    ticket: str,
    *,
    error: ShuyuanError | None = None,
) -> Response:
    """Return the form that asks for another password than the temporary one."""
    return with_error(
        browser, "new_password.html", error, asked.redirect_uri,
        action=AUTHORIZE, hidden=asked.parameters, ticket=ticket,
    )  # fmt: skip


def sign_out(browser: Browser, token: str) -> Response:
    return page(browser, "sign_out.html", 200, token=token)


def refused(browser: Browser, error: ShuyuanError) -> Response:
    status = STATUS[error.category]
    return page(browser, "refused.html", status, error=say(browser, error.detail))


def with_error(
    browser: Browser,
    name: str,
    error: ShuyuanError | None,
    redirect_uri: str | None = None,
    **values: object,
) -> Response:
    """Return a form: 200, or the status of what went wrong before and the sentence of it."""
    status = STATUS[error.category] if error else 200
    sentence = error and say(browser, error.detail)
    answer = page(browser, name, status, redirect_uri, error=sentence, **values)
    if error and status in WAITING:
        wait = error.retry_after_seconds or RETRY_AFTER_DEFAULT_SECONDS
        answer.headers["Retry-After"] = str(wait)
    return answer


def page(
    browser: Browser, name: str, status: int, redirect_uri: str | None = None, **values: object
) -> Response:
    """Return a page of the templates; `redirect_uri` is where its form may lead to."""
    nonce = secrets.token_urlsafe(16)
    words = {key: say(browser, text) for key, text in WORDS.items()}
    language = "en" if browser.english else "zh-CN"
    html = PAGES.get_template(name).render(nonce=nonce, language=language, **words, **values)
    return HTMLResponse(html, status, _headers(nonce, redirect_uri, language))


def origin(uri: str) -> str:
    """Return scheme and host of an address."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def _headers(nonce: str, redirect_uri: str | None, language: str) -> dict[str, str]:
    # Chromium holds the redirect after a form to form-action too.
    target = f" {origin(redirect_uri)}" if redirect_uri else ""
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'{target};"
        " frame-ancestors 'none'; base-uri 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        # Not no-referrer: the form would then come with `Origin: null`.
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Content-Language": language,
        "Vary": "Accept-Language, Cookie",
    }


def say(browser: Browser, text: Text) -> str:
    return text.en if browser.english else text.zh
