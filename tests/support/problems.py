"""What every refusal looks like (RFC 9457; `api.md` section 1)."""

from typing import Any

import httpx

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "correlation_id"}


def problem(answer: httpx.Response, status: int, *codes: str) -> dict[str, Any]:
    """Return the problem body of a refusal; AssertionError unless it is one of that kind."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:2000]}"
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert set(said) >= MEMBERS
    assert said["status"] == status
    assert said["code"] in codes, said
    assert said["type"].endswith(said["code"])
    assert said["correlation_id"] == answer.headers["exchange-correlation-id"]
    assert answer.headers["exchange-worker"]
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    return said


def field_codes(said: dict[str, Any]) -> set[tuple[str, str]]:
    """Return path and code of every field error."""
    assert said["error_count"] >= len(said["errors"])
    assert all(error["message"] for error in said["errors"])
    return {(error["path"], error["code"]) for error in said["errors"]}
