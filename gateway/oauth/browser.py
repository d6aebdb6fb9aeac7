"""What the sign-in page asks of a browser: its language, its cookie, its honesty."""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from auth.oauth.authorization import UnknownClient
from gateway.problems import in_english

COOKIE = "shuyuan_sign_in"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
OWN = frozenset({"same-origin", "none"})


class Browser:
    def __init__(self, request: Request, base_url: str) -> None:
        self._headers = request.headers
        address = urlsplit(base_url)
        self._secure = address.scheme == "https" or address.hostname not in LOOPBACK
        self._name = f"__Host-{COOKIE}" if self._secure else COOKIE
        self.cookie = request.cookies.get(self._name)
        locales = request.query_params.get("ui_locales") or ""
        self.english = in_english(locales or self._headers.get("accept-language", ""))

    def keep(self, response: Response, cookie: str, seconds: int) -> None:
        """Let the browser present `cookie` to this host, and to no script."""
        response.set_cookie(
            self._name, cookie, seconds, path="/", secure=self._secure, httponly=True,
            samesite="lax",
        )  # fmt: skip

    def refuse_cross_site(self) -> None:
        """Raise when another site's page sent the form, to sign somebody in as somebody else.

        Browsers say so themselves; programs, which send neither header, have no cookie to abuse.
        """
        site = self._headers.get("sec-fetch-site")
        origin = self._headers.get("origin")
        if site is not None:
            own = site in OWN
        else:
            own = origin is None or urlsplit(origin).netloc == self._headers.get("host")
        if not own:
            raise UnknownClient(
                "表单不是从本平台的页面提交的",
                "The form was not sent from this exchange's own page",
            )
