from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from auth.errors import InsufficientScope, TokenExpired, TokenMissing
from gateway.openapi import Described
from gateway.problems import STATUS, in_english, problem
from gateway.routers import ROUTERS
from kernel.database import is_passing
from kernel.errors import Category, FieldError, Invalid, NotFound, ShuyuanError

CODES_OF_THE_CONTRACT = {
    400: {"malformed_json", "invalid_utf8", "invalid_cursor", "invalid_parameter"},
    401: {"token_missing", "token_invalid", "token_expired", "token_revoked"},
    403: {
        "insufficient_scope", "role_required", "not_your_department", "subscription_suspended",
        "subscription_expired", "subscription_terminated", "subscription_not_started",
        "mode_not_granted",
    },
    404: {"not_found"},
    409: {"illegal_transition", "conflict", "version_superseded", "resource_not_published"},
    410: {"cursor_expired"},
    412: {"stale"},
    413: {"body_too_large"},
    415: {"unsupported_media_type"},
    422: {
        "validation_failed", "idempotency_key_reused", "empty_body", "too_many_records",
        "line_too_long",
    },
    428: {"precondition_required"},
    429: {"rate_limited", "quota_exhausted"},
}  # fmt: skip


def classes(base: type[ShuyuanError] = ShuyuanError) -> Iterator[type[ShuyuanError]]:
    for each in base.__subclasses__():
        yield each
        yield from classes(each)


def said(error: ShuyuanError, *, english: bool = True) -> tuple[int, dict[str, str], Any]:
    status, headers, body = problem(error, instance="/v1/x", english=english)
    return status, headers, orjson.loads(body)


def test_every_category_has_a_status() -> None:
    assert set(STATUS) == set(Category)


def test_the_codes_that_clients_rely_on_are_there_with_their_status() -> None:
    """Every router is imported, and with it every error that it can raise."""
    assert ROUTERS
    found: dict[int, set[str]] = {}
    for each in classes():
        if hasattr(each, "code") and hasattr(each, "category"):
            found.setdefault(STATUS[each.category], set()).add(each.code)
    missing = {
        status: codes - found.get(status, set())
        for status, codes in CODES_OF_THE_CONTRACT.items()
        if codes - found.get(status, set())
    }
    assert missing == {}


def test_every_error_speaks_both_languages() -> None:
    for each in classes():
        if hasattr(each, "title"):
            assert each.title.en.isascii(), each
            assert not each.title.zh.isascii(), each


def test_facts_and_errors_are_in_the_body() -> None:
    errors = [FieldError("a", "missing", "缺少", "is missing", index=n) for n in range(150)]
    status, _, body = said(Invalid(errors=errors, limit=7))
    assert status == body["status"] == 422
    assert body["limit"] == 7
    assert (len(body["errors"]), body["error_count"]) == (100, 150)
    assert body["errors"][3] == {
        "index": 3, "path": "a", "code": "missing", "message": "is missing",
    }  # fmt: skip


def test_no_refusal_is_kept_by_a_cache() -> None:
    assert said(NotFound())[1]["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("error", "challenge"),
    [
        (TokenMissing(), 'Bearer realm="shuyuan"'),
        (TokenExpired(), 'Bearer realm="shuyuan", error="invalid_token"'),
        (InsufficientScope("admin"), 'Bearer error="insufficient_scope", scope="admin"'),
    ],
)
def test_who_is_not_let_in_is_told_how(error: ShuyuanError, challenge: str) -> None:
    assert said(error)[1]["WWW-Authenticate"] == challenge


@pytest.mark.parametrize("language", ["en", "EN-us", " en, zh;q=0.9"])
def test_english_is_for_whoever_names_it_first(language: str) -> None:
    assert in_english(language)


@pytest.mark.parametrize("language", ["", "zh-CN, en", "fr", "*"])
def test_chinese_is_for_everybody_else(language: str) -> None:
    assert not in_english(language)


def database_error(sqlstate: str, kind: type[DBAPIError] = DBAPIError) -> DBAPIError:
    return kind("SELECT 1", {}, SimpleNamespace(sqlstate=sqlstate))  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["08006", "40001", "40P01", "53300", "55P03", "57014", "57P01"])
def test_what_passes_is_waited_for(state: str) -> None:
    assert is_passing(database_error(state))


@pytest.mark.parametrize("state", ["22021", "23505", "42P01", "42501", "XX000", ""])
def test_what_is_wrong_is_not_waited_for(state: str) -> None:
    assert not is_passing(database_error(state))


def test_a_lost_connection_or_a_full_pool_passes() -> None:
    lost = database_error("")
    lost.connection_invalidated = True
    errors = [lost, database_error("", OperationalError), PoolTimeout(), OSError(), TimeoutError()]
    assert all(map(is_passing, errors))
    assert not is_passing(KeyError())


def test_openapi_names_the_codes_of_each_status() -> None:
    app = Described(title="x")
    for router in ROUTERS:
        app.include_router(router)
    told = app.openapi()
    responses = told["components"]["responses"]
    for codes in CODES_OF_THE_CONTRACT.values():
        for code in codes:
            assert any(f"`{code}`" in response["description"] for response in responses.values())
    assert app.openapi() is told
