"""Answers of the exchange that are not 2xx, as exceptions: one class for each way to go on.

`NotAllowed` 401, 403 · `NotFound` 404 · `InConflict` 409, of it `GenerationChanged` (go on from
`cursor`) · `CursorExpired` 410 (go on from `earliest_cursor`) · `Invalid` 400, 413, 415, 422 (in
vain) · `TooMany` 429 (`retry_after_seconds`) · `Unavailable` 5xx (later); all are `Refused`.
"""

from typing import Any

import httpx

from shuyuan_client.failures import Failure

ERRORS_TOLD = 3
CHOICES_TOLD = 20
Json = dict[str, Any]


def json_object(answer: httpx.Response) -> Json:
    """Return the body where it is a JSON object, else an empty one."""
    try:
        body = answer.json()
    except (RecursionError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def retry_after(answer: httpx.Response) -> float | None:
    """Return the seconds after which to come again, None where the answer names no number."""
    told = answer.headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdigit() else None


def choices(error: Json) -> tuple[str, str]:
    """Return what to add to a field error, in both languages: values that may stand there."""
    allowed = error.get("allowed")
    values = [str(each) for each in allowed] if isinstance(allowed, list) else []
    if not values:
        return "", ""
    listed, rest = values[:CHOICES_TOLD], len(values) - CHOICES_TOLD
    more = (f"，另有 {rest} 个", f" and {rest} more") if rest > 0 else ("", "")
    return f"；可用的值：{'、'.join(listed)}{more[0]}", f"; allowed: {', '.join(listed)}{more[1]}"


class Refused(Failure):
    """A problem body (RFC 9457), or an OAuth error, as an exception."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.problem = json_object(answer)
        self.code = str(self.problem.get("code") or self.problem.get("error") or "")
        self.correlation_id = answer.headers.get("Exchange-Correlation-Id", "-")
        self.retry_after_seconds = retry_after(answer)
        detail = self.problem.get("detail") or self.problem.get("error_description")
        whole = f"{detail or answer.reason_phrase} [{self.status} {self.code}]"
        chinese, english = [whole], [whole]
        for error in self.errors[:ERRORS_TOLD]:
            place = f"{error.get('path')}: {error.get('message')}"
            told = choices(error)
            chinese.append(place + told[0])
            english.append(place + told[1])
        super().__init__(
            f"{'; '.join(chinese)}（关联号 {self.correlation_id}）",
            f"{'; '.join(english)} (correlation id {self.correlation_id})",
        )

    @property
    def errors(self) -> list[Json]:
        """Field errors, each with path, code, message and, for records, index."""
        told = self.problem.get("errors")
        listed = told if isinstance(told, list) else ()
        return [error for error in listed if isinstance(error, dict)]


class NotAllowed(Refused):
    """Who asks may not, or not now: `code` says which, such as `subscription_suspended`."""


class NotFound(Refused):
    """There is no such thing, or the caller may not know of it."""


class InConflict(Refused):
    """The thing is in another state than the request needs."""


class GenerationChanged(InConflict):
    """The platform's data were restored: `cursor` is the same place, to go on from."""

    @property
    def cursor(self) -> str:
        return str(self.problem["cursor"])


class CursorExpired(Refused):
    """The log no longer keeps what lies after the cursor."""

    @property
    def earliest_cursor(self) -> str:
        return str(self.problem["earliest_cursor"])

    @property
    def lost(self) -> int | None:
        """About how many places lie between, None where the exchange does not tell."""
        lost = self.problem.get("lost")
        return None if lost is None else int(lost)


class Invalid(Refused):
    """The request itself is wrong; the same one will be refused again."""


class TooMany(Refused):
    """A rate, a quota or a bound is used up."""


class Unavailable(Refused):
    """The exchange cannot answer now."""


BY_CODE: dict[str, type[Refused]] = {
    "generation_changed": GenerationChanged,
    "cursor_expired": CursorExpired,
}
BY_STATUS: dict[int, type[Refused]] = {
    400: Invalid, 401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: InConflict, 413: Invalid,
    415: Invalid, 422: Invalid, 429: TooMany, 500: Unavailable, 502: Unavailable,
    503: Unavailable, 504: Unavailable,
}  # fmt: skip


def refusal(answer: httpx.Response) -> Refused:
    """Return the exception of an answer that is not 2xx."""
    code = json_object(answer).get("code")
    kind = BY_CODE.get(code) if isinstance(code, str) else None
    return (kind or BY_STATUS.get(answer.status_code, Refused))(answer)
