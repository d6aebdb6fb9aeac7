"""What the sign-in pages ask of a browser: its language, its cookies, its honesty."""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from auth import browsers
from auth.oauth.authorization import UnknownClient
from auth.source import Source
from gateway.problems import in_english
from gateway.source import source_of
from kernel.settings import Settings

SIGNED_IN = "shuyuan_sign_in"
KNOWN = "shuyuan_browser"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
OWN = frozenset({"same-origin", "none"})


class Browser:
    def __init__(self, request: Request, settings: Settings) -> None:
        self._headers = request.headers
        address = urlsplit(settings.base_url)
        self._secure = address.scheme == "https" or address.hostname not in LOOPBACK
        self.cookie = request.cookies.get(self._name(SIGNED_IN))
        known = request.cookies.get(self._name(KNOWN))
        self.source: Source = source_of(request, settings.trusted_proxies, known)
        locales = request.query_params.get("ui_locales") or ""
        self.english = in_english(locales or self._headers.get("accept-language", ""))

    def _name(self, cookie: str) -> str:
        return f"__Host-{cookie}" if self._secure else cookie

    def keep(self, response: Response, cookie: str, seconds: int) -> None:
        """Let the browser present `cookie` to this host, and to no script."""
        self._set(response, SIGNED_IN, cookie, seconds)

    def recognise(self, response: Response, mark: str) -> None:
        """Let the browser show later that somebody has signed in with it."""
        self._set(response, KNOWN, mark, browsers.SECONDS)

    def forget(self, response: Response) -> None:
        """End the sign-in of the browser; that it is known stays."""
        response.delete_cookie(
            self._name(SIGNED_IN), path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            self._name(name), value, seconds, path="/", secure=self._secure, httponly=True,
            samesite="lax",
        )  # fmt: skip

    def refuse_cross_site(self) -> None:
        """Raise when another site's page sent the form, to sign somebody in as somebody else.

        Browsers say so themselves; programs, which send neither header, have no cookie to abuse.
        """
        site = self._headers.get("sec-fetch-site")
        own = self._is_own_origin() if site is None else site in OWN
        if not own:
            raise UnknownClient(
                "表单不是从本平台的页面提交的",
                "The form was not sent from this exchange's own page",
            )

    def _is_own_origin(self) -> bool:
        origin = self._headers.get("origin")
        if origin is None:
            return True
        try:
            return urlsplit(origin).netloc == self._headers.get("host")
        except ValueError:
            # `http://[` is no address at all.
            return False
