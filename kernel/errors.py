"""Errors that explain themselves (RFC 9457 at the edge; ADR 0004).

ShuyuanError
├── BadRequest        400  the request cannot be read
├── Unauthorized      401  who is calling is not known
├── Forbidden         403  known, and not allowed
├── NotFound          404  missing, or not visible to the caller
├── Conflict          409  the state of the thing forbids it
├── Gone              410  it was there once
├── PreconditionFailed 412 / PreconditionRequired 428
├── TooLarge 413 / UnsupportedMedia 415
├── Invalid           422  readable, and wrong
├── TooMany           429  a limit; retry later
└── Unavailable       503  not now; retry later

Every class names a stable `code`; the gateway alone knows the HTTP status of a category.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final

REPORTED_ERRORS_MAX = 100
LISTED_MAX: Final = 20
"""Values of a choice in a sentence; the rest is counted."""
# Codes of which `allowed` are values to choose from, and of no box that is ticked.
_OF_CHOICES: Final = frozenset({"not_in_code_list", "missing", "unknown_item"})
_BOXES: Final = frozenset({"true", "false"})


class Category(StrEnum):
    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    GONE = "gone"
    PRECONDITION_FAILED = "precondition_failed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    INVALID = "invalid"
    PRECONDITION_REQUIRED = "precondition_required"
    TOO_MANY = "too_many"
    BAD_GATEWAY = "bad_gateway"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One reason why one value is refused; `index` is the record's place in its batch.

    `allowed` are the values of a choice, at most a hundred.
    """

    path: str
    code: str
    zh: str
    en: str
    index: int | None = None
    allowed: tuple[str, ...] = ()

    def sentence(self, *, english: bool) -> str:
        """Return what a person reads where no list stands beside it: the allowed values too."""
        said = self.en if english else self.zh
        values = [each for each in self.allowed if each not in _BOXES]
        is_named = self.index is None and all(each in said for each in values)
        if self.code not in _OF_CHOICES or not values or is_named:
            return said
        listed = (", " if english else "、").join(values[:LISTED_MAX])
        rest = len(values) - LISTED_MAX
        if english:
            return f"{said}; allowed: {listed}" + (f" and {rest} more" if rest > 0 else "")
        return f"{said}；可用的值：{listed}" + (f"，另有 {rest} 个" if rest > 0 else "")


@dataclass(frozen=True, slots=True)
class Text:
    """The same sentence for people, in both languages."""

    zh: str
    en: str

    def __call__(self, **values: object) -> "Text":
        return Text(self.zh.format_map(values), self.en.format_map(values))


class ShuyuanError(Exception):
    """Base of every refusal; `detail` says what is wrong and what to do next."""

    code: ClassVar[str]
    category: ClassVar[Category]
    title: ClassVar[Text]
    retriable: ClassVar[bool] = False

    def __init__(
        self,
        zh: str = "",
        en: str = "",
        *,
        errors: Sequence[FieldError] = (),
        error_count: int | None = None,
        retry_after_seconds: int | None = None,
        **facts: object,
    ) -> None:
        self.detail = Text(zh or self.title.zh, en or self.title.en)
        self.errors = tuple(errors[:REPORTED_ERRORS_MAX])
        self.error_count = len(errors) if error_count is None else error_count
        self.retry_after_seconds = retry_after_seconds
        self.facts: Mapping[str, object] = facts
        super().__init__(f"{self.code}: {self.detail.en}")


class BadRequest(ShuyuanError):
    category = Category.BAD_REQUEST
    code = "invalid_parameter"
    title = Text("参数不正确", "A parameter is not valid")


class MalformedJson(BadRequest):
    code = "malformed_json"
    title = Text("请求体不是合法的 JSON", "The body is not JSON")


class InvalidUtf8(BadRequest):
    code = "invalid_utf8"
    title = Text("请求体不是合法的 UTF-8", "The body is not UTF-8")


class InvalidCursor(BadRequest):
    code = "invalid_cursor"
    title = Text("游标无效", "The cursor is not one that was issued here")


class Unauthorized(ShuyuanError):
    category = Category.UNAUTHORIZED
    code = "token_invalid"
    title = Text("访问令牌无效", "The access token is not valid")


class Forbidden(ShuyuanError):
    category = Category.FORBIDDEN
    code = "role_required"
    title = Text("当前角色无权执行此操作", "The caller's role does not allow this")


class NotFound(ShuyuanError):
    category = Category.NOT_FOUND
    code = "not_found"
    title = Text("未找到，或您无权查看", "Not found, or you do not have access")


class Conflict(ShuyuanError):
    category = Category.CONFLICT
    code = "conflict"
    title = Text("与现有状态冲突", "In conflict with the present state")


class IllegalTransition(Conflict):
    """Facts `state` and `allowed` say where the thing stands and what may be done now."""

    code = "illegal_transition"
    title = Text("当前状态不允许此操作", "The present state does not allow this action")


class Gone(ShuyuanError):
    category = Category.GONE
    code = "gone"
    title = Text("已不再保留", "No longer kept")


class Stale(ShuyuanError):
    category = Category.PRECONDITION_FAILED
    code = "stale"
    title = Text("内容已被他人修改，请重新读取后再提交", "Changed meanwhile; read it again first")


class PreconditionRequired(ShuyuanError):
    category = Category.PRECONDITION_REQUIRED
    code = "precondition_required"
    title = Text("修改须携带 If-Match", "A change needs If-Match")


class TooLarge(ShuyuanError):
    category = Category.TOO_LARGE
    code = "body_too_large"
    title = Text("请求体过大", "The body is too large")


class BatchTooLarge(TooLarge):
    """Facts: `stored_bytes` and `limit`, where the platform itself has measured the batch."""

    code = "batch_too_large"
    title = Text(
        "本批数据入库后超过上限，整批未入库；请分批提交",
        "The batch is larger in the log than it may be; nothing was stored: split it",
    )


class UnsupportedMedia(ShuyuanError):
    category = Category.UNSUPPORTED_MEDIA
    code = "unsupported_media_type"
    title = Text("不支持的媒体类型", "The media type is not supported")


class Invalid(ShuyuanError):
    category = Category.INVALID
    code = "validation_failed"
    title = Text("内容未通过校验", "The content did not pass validation")


class IdempotencyKeyReused(Invalid):
    code = "idempotency_key_reused"
    title = Text(
        "同一 Idempotency-Key 用于不同的内容", "The Idempotency-Key was used with other content"
    )


class TooMany(ShuyuanError):
    category = Category.TOO_MANY
    code = "rate_limited"
    title = Text("请求过于频繁", "Too many requests")
    retriable = True


class Unavailable(ShuyuanError):
    category = Category.UNAVAILABLE
    code = "unavailable"
    title = Text("服务暂不可用，请稍后重试", "Not available now; try again later")
    retriable = True


@dataclass(slots=True)
class FieldErrors:
    """Collects field errors of one thing and raises them together."""

    found: list[FieldError] = field(default_factory=list)

    def add(self, path: str, code: str, zh: str, en: str, *, allowed: Iterable[str] = ()) -> None:
        self.found.append(FieldError(path, code, zh, en, allowed=tuple(map(str, allowed))))

    def raise_if_any(self) -> None:
        if self.found:
            raise Invalid(errors=self.found)
