"""How a mounted service is called, and when it is left alone."""

import pytest

from exchange.services.breaker import FAILURES, OPEN_SECONDS, Breaker
from exchange.services.errors import ServiceOpen
from exchange.services.operations import (
    Auth,
    AuthKind,
    Operation,
    Response,
    ServiceTerms,
    Timeouts,
    check,
    url_of,
)
from kernel.errors import Invalid

OPERATION = Operation("find", "GET", "/v2/人/find", Response.RECORDS, ("q",))


def terms(auth: Auth | None = None, *operations: Operation) -> ServiceTerms:
    return ServiceTerms(
        base_url="https://service.example/base/",
        operations=operations or (OPERATION,),
        auth=auth or Auth(),
        timeouts=Timeouts(),
    )


def wrong(asked: ServiceTerms, grade: int = 1) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        check(asked, grade=grade)
    return {each.path: each.code for each in refused.value.errors}


def test_a_url_is_base_path_and_encoded_parameters() -> None:
    url = url_of("https://a/base/", OPERATION, {"q": "a&b=c/../#"})
    assert url == "https://a/base/v2/%E4%BA%BA/find?q=a%26b%3Dc%2F..%2F%23"
    assert url_of("https://a", OPERATION, {}) == "https://a/v2/%E4%BA%BA/find"


def test_the_platform_is_known_by_what_was_agreed() -> None:
    assert Auth().header() == ()
    assert Auth(AuthKind.BEARER, None, "t").header() == (("Authorization", "Bearer t"),)
    assert Auth(AuthKind.BASIC, "u", "p").header() == (("Authorization", "Basic dTpw"),)
    assert Auth(AuthKind.HEADER, "X-Key", "s").header() == (("X-Key", "s"),)
    assert "hidden" not in repr(Auth(AuthKind.BEARER, None, "hidden"))


def test_what_could_not_be_called_is_named() -> None:
    check(terms(), grade=4)
    twice = terms(None, OPERATION, OPERATION)
    assert wrong(twice) == {"operations[1].name": "duplicate_key"}
    up = Operation("up", "GET", "/a/../b", Response.RECORDS)
    assert wrong(terms(None, up)) == {"operations[0].path": "pattern"}
    opaque = Operation("raw", "GET", "/raw", Response.OPAQUE)
    check(terms(None, opaque), grade=2)
    assert wrong(terms(None, opaque), grade=3) == {"operations[0].response": "not_in_code_list"}
    assert wrong(terms(Auth(AuthKind.BEARER))) == {"auth.secret": "missing"}
    assert wrong(terms(Auth(AuthKind.HEADER, "Host", "x"))) == {"auth.name": "pattern"}
    assert wrong(terms(Auth(AuthKind.BASIC, "a:b", "x"))) == {"auth.name": "pattern"}


def test_who_fails_again_and_again_is_left_alone_until_one_call_succeeds() -> None:
    now = 0.0
    breaker = Breaker(lambda: now)
    for _ in range(FAILURES):
        breaker.enter("host")
        breaker.failed("host")
    with pytest.raises(ServiceOpen) as refused:
        breaker.enter("host")
    assert refused.value.retry_after_seconds == OPEN_SECONDS
    breaker.enter("other")
    now = OPEN_SECONDS
    breaker.enter("host")
    with pytest.raises(ServiceOpen):
        breaker.enter("host")
    breaker.left("host")
    breaker.enter("host")
    breaker.failed("host")
    with pytest.raises(ServiceOpen):
        breaker.enter("host")
    now = 2 * OPEN_SECONDS
    breaker.enter("host")
    breaker.succeeded("host")
    breaker.enter("host")
    breaker.enter("host")
