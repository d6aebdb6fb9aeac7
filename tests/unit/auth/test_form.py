"""Forms and scopes of OAuth requests."""

import pytest

from auth.oauth.errors import (
    InvalidClient,
    InvalidRequestError,
    InvalidScopeError,
    InvalidTarget,
    answer,
)
from auth.oauth.form import FIELDS_MAX, parse
from auth.oauth.scopes import check_resource, granted


def test_the_first_of_two_values_counts_and_the_second_is_named() -> None:
    form = parse(b"a=1&a=2&b=")
    assert (form.get("a"), form.get("b"), form.repeated) == ("1", None, ["a"])
    with pytest.raises(InvalidRequestError):
        form.refuse_repeated()


@pytest.mark.parametrize("text", [b"a=%FF", b"\xff=1", b"a=%00", b"a=" + b"x" * 20_000])
def test_what_cannot_be_text_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parse(text)


def test_too_many_fields_are_refused() -> None:
    with pytest.raises(InvalidRequestError):
        parse(b"&".join(b"a%d=1" % number for number in range(FIELDS_MAX + 1)))


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(InvalidRequestError, match="grant_type"):
        parse(b"grant_type=").need("grant_type")


def test_scope_left_out_means_all_that_is_registered() -> None:
    assert granted(None, ["b", "a"]) == "a b"
    assert granted("b b", ["b", "a"]) == "b"


@pytest.mark.parametrize("asked", ["c", "a c", "a  b", "A"])
def test_a_scope_beyond_the_registered_ones_is_refused(asked: str) -> None:
    with pytest.raises(InvalidScopeError):
        granted(asked, ["a", "b"])


def test_the_resource_is_this_exchange_or_none() -> None:
    check_resource(None, "https://x")
    check_resource("https://x/", "https://x")
    with pytest.raises(InvalidTarget):
        check_resource("https://x/v1", "https://x")


def test_a_client_that_failed_to_authenticate_is_told_how() -> None:
    status, headers, body = answer(InvalidClient("否", "No."))
    assert status == 401
    assert headers["WWW-Authenticate"].startswith("Basic realm=")
    assert headers["Cache-Control"] == "no-store"
    assert body == {
        "error": "invalid_client",
        "error_description": "No.",
        "detail": "否",
    }
    assert answer(InvalidClient("否", "No."), english=True)[2]["detail"] == "No."
