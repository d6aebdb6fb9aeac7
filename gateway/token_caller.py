"""Who asks for records over FastAPI: the token of one request, asked again as they leave (P3)."""

from hashlib import sha256

from fastapi import Request

from auth.principal import Principal
from gateway.bearer import bearer
from gateway.http.asgi import MAY_LEAVE
from gateway.http.outflow import MayLeave
from gateway.services import Services


class TokenCaller:
    """`admission.Caller` over one request, or over the token that a page's session keeps."""

    def __init__(self, using: Services, request: Request, token: bytes | None = None) -> None:
        self._using = using
        self._token = bearer(dict(request.scope["headers"])) if token is None else token
        self._digest = sha256(self._token).digest()

    def known(self) -> Principal | None:
        return self._using.tokens.known(self._digest) if self._using.restore.passed else None

    async def confirm(self) -> Principal:
        principal = self.known() or await self._using.tokens.verify(self._token)
        self._using.restore.require()
        return principal


def leaving(request: Request, may_leave: MayLeave) -> None:
    """Have `may_leave` asked in each turn in which a piece of the answer leaves."""
    request.scope[MAY_LEAVE] = may_leave
