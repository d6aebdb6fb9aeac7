"""What a mounted service offers, and how it is called; pure."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from kernel.errors import FieldErrors

OPAQUE_GRADE_MAX: Final = 2
# Of the provider's answer these alone are handed on: no hop-by-hop field, no cookie, no address.
HANDED_ON: Final = (
    "content-type", "content-language", "content-disposition", "content-encoding", "last-modified",
)  # fmt: skip
# And these of the consumer's request: neither its token nor anything of its connection.
SENT_ON: Final = ("accept", "accept-language", "content-type", "idempotency-key")
RESERVED: Final = frozenset(
    {
        "host", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
        "trailer", "transfer-encoding", "upgrade", "content-length", "content-type", "cookie",
        "accept", "accept-encoding", "accept-language", "expect", "idempotency-key",
    }
)  # fmt: skip


class Response(StrEnum):
    """What an operation answers with: records of the contract, or whatever it likes."""

    RECORDS = "records"
    OPAQUE = "opaque"


class AuthKind(StrEnum):
    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Operation:
    """`query` are the parameters that are handed on."""

    name: str
    method: str
    path: str
    response: Response
    query: tuple[str, ...] = ()

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Operation":
        return cls(
            stored["name"],
            stored["method"],
            stored["path"],
            Response(stored["response"]),
            tuple(stored["query"]),
        )


@dataclass(frozen=True, slots=True)
class Auth:
    """`name` is a user's or a header's; `secret` is never told."""

    kind: AuthKind = AuthKind.NONE
    name: str | None = None
    secret: str | None = field(default=None, repr=False)

    def shown(self) -> dict[str, Any]:
        return {"kind": str(self.kind), "name": self.name}

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return what the provider knows the platform by."""
        secret = self.secret or ""
        match self.kind:
            case AuthKind.NONE:
                return ()
            case AuthKind.BASIC:
                pair = f"{self.name}:{secret}".encode()
                return (("Authorization", f"Basic {base64.b64encode(pair).decode()}"),)
            case AuthKind.BEARER:
                return (("Authorization", f"Bearer {secret}"),)
            case AuthKind.HEADER:
                return ((self.name or "", secret),)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, to the first byte, and between bytes."""

    connect: float = 2.0
    first_byte: float = 10.0
    idle: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTerms:
    base_url: str
    operations: Sequence[Operation]
    auth: Auth
    timeouts: Timeouts

    def columns(self) -> dict[str, Any]:
        return {
            "base_url": self.base_url,
            "operations": [asdict(each) for each in self.operations],
            "auth": self.auth.shown(),
            "timeouts": asdict(self.timeouts),
        }


def check(terms: ServiceTerms, *, grade: int) -> None:
    """Raise Invalid with every reason why this could not be called, but for its address."""
    errors = FieldErrors()
    parts = urlsplit(terms.base_url)
    if parts.query or parts.fragment:
        errors.add("base_url", "pattern", "不得带查询参数", "must be without query and fragment")
    names = [each.name for each in terms.operations]
    for index, operation in enumerate(terms.operations):
        path = f"operations[{index}]"
        if names.index(operation.name) != index:
            zh = f"{operation.name} 重复"
            errors.add(f"{path}.name", "duplicate_key", zh, f"{operation.name} is repeated")
        if any(part in ("..", ".") for part in operation.path.split("/")):
            errors.add(f"{path}.path", "pattern", "不得含 .. 段", "must not hold dot segments")
        if operation.response is Response.OPAQUE and grade > OPAQUE_GRADE_MAX:
            zh = f"数据级别 {grade} 级的资源不能提供 opaque 操作"
            en = f"opaque operations are for grades up to {OPAQUE_GRADE_MAX}"
            errors.add(f"{path}.response", "not_in_code_list", zh, en, allowed=["records"])
    _check_auth(terms.auth, errors)
    errors.raise_if_any()


def _check_auth(auth: Auth, errors: FieldErrors) -> None:
    if auth.kind in (AuthKind.BASIC, AuthKind.HEADER) and not auth.name:
        errors.add("auth.name", "missing", "须填写用户名或头名", "name the user or the header")
    if auth.kind is not AuthKind.NONE and not auth.secret:
        errors.add("auth.secret", "missing", "须填写密钥", "a secret is needed")
    if auth.kind is AuthKind.HEADER and (auth.name or "").lower() in RESERVED:
        errors.add("auth.name", "pattern", "该头由平台设置", "is a header that the platform sets")
    if auth.kind is AuthKind.BASIC and ":" in (auth.name or ""):
        errors.add("auth.name", "pattern", "用户名不得含冒号", "must hold no colon")


def url_of(base_url: str, operation: Operation, query: Mapping[str, str]) -> str:
    """Return what is called; the values of parameters are encoded."""
    path = quote(operation.path, safe="/%:@!$&'()*+,;=-._~")
    asked = f"?{urlencode(query)}" if query else ""
    return f"{base_url.rstrip('/')}{path}{asked}"
