"""Authorization requests: nobody is sent to a stranger, nobody does without PKCE S256."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.oauth import public_client
from auth.oauth.authorization import SentBack, UnknownClient, read
from tests.support.identity import authorization_query

ISSUER = "http://127.0.0.1:8000"
GOOD = authorization_query("v" * 43)
STRANGERS = [
    "",
    "https://evil.example/callback",
    "http://127.0.0.1:8000@evil.example/callback",
    "http://127.0.0.1:8000/callback@evil.example",
    "http://127.0.0.1.evil.example:80/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:0/callback",
    "http://127.0.0.1:65536/callback",
    "http://127.0.0.1:080/callback",
    "http://127.0.0.1:٣/callback",
    "http://127.0.0.1:8000/callback/",
    "http://127.0.0.1:8000/callback?next=//evil.example",
    "http://127.0.0.1:8000/callback#x",
    "http://127.0.0.1:8000/callback\n",
    "http://127.0.0.1:8000/callback%0a",
    "http://127.0.0.1:8000//evil.example/callback",
    "http://localhost:8000/callback",
    "http://[::1]:8000/callback",
    "HTTP://127.0.0.1:8000/callback",
    "//127.0.0.1:8000/callback",
    "javascript:alert(1)",
]


def _read(query: dict[str, str]) -> str:
    return read(urlencode(query).encode(), ISSUER).redirect_uri


def _refusal(query: dict[str, str] | bytes) -> dict[str, str]:
    text = query if isinstance(query, bytes) else urlencode(query).encode()
    with pytest.raises(SentBack) as sent:
        read(text, ISSUER)
    place = urlsplit(sent.value.location)
    assert sent.value.location.startswith(GOOD["redirect_uri"] + "?")
    return {name: value for name, (value,) in parse_qs(place.query).items()}


def test_a_good_request_is_read() -> None:
    request = read(urlencode(GOOD).encode(), ISSUER)
    assert request.redirect_uri == GOOD["redirect_uri"]
    assert request.state == GOOD["state"]
    assert request.code_challenge == GOOD["code_challenge"]
    assert request.parameters == GOOD


def test_without_scope_everything_but_records_is_asked() -> None:
    asked = set(read(urlencode(GOOD).encode(), ISSUER).scope.split())
    assert asked == {scope.value for scope in public_client.SCOPES}
    assert not any(scope.startswith("records:") for scope in asked)


@pytest.mark.parametrize("uri", STRANGERS)
def test_nobody_is_sent_to_a_stranger(uri: str) -> None:
    with pytest.raises(UnknownClient):
        _read({**GOOD, "redirect_uri": uri})


@given(st.text(max_size=60))
def test_no_text_after_the_loopback_address_gets_through(text: str) -> None:
    uri = f"http://127.0.0.1:{text}"
    port = text.removesuffix("/callback")
    honest = text == f"{port}/callback" and port.isascii() and port.isdigit()
    assert not public_client.may_redirect(uri) or honest


@pytest.mark.parametrize("port", [1, 80, 53682, 65535])
def test_any_port_of_the_loopback_address_is_right(port: int) -> None:
    uri = f"http://127.0.0.1:{port}/callback"
    assert _read({**GOOD, "redirect_uri": uri}) == uri


def test_the_console_is_sent_to_its_own_page_and_nowhere_else() -> None:
    own = f"{ISSUER}{public_client.CONSOLE_CALLBACK}"
    asked = {**GOOD, "client_id": public_client.CONSOLE_ID}
    assert _read({**asked, "redirect_uri": own}) == own
    for other in (GOOD["redirect_uri"], f"{own}/", "http://127.0.0.1:9/console/signed-in"):
        with pytest.raises(UnknownClient):
            _read({**asked, "redirect_uri": other})
    with pytest.raises(UnknownClient):
        _read({**GOOD, "redirect_uri": own})


@pytest.mark.parametrize("client_id", ["", "other", "SHUYUAN-CLI"])
def test_an_unknown_client_gets_a_page_and_no_redirect(client_id: str) -> None:
    with pytest.raises(UnknownClient):
        _read({**GOOD, "client_id": client_id})


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_two_clients_or_two_addresses_get_a_page(name: str) -> None:
    text = urlencode(GOOD) + "&" + urlencode({name: GOOD[name]})
    with pytest.raises(UnknownClient):
        read(text.encode(), ISSUER)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": GOOD["code_challenge"] + "="}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"scope": "catalog:read records:read"}, "invalid_scope"),
        ({"scope": "root"}, "invalid_scope"),
        ({"resource": "https://other.example"}, "invalid_target"),
    ],
)
def test_other_faults_are_told_to_the_client(changed: dict[str, str], error: str) -> None:
    told = _refusal({**GOOD, **changed})
    assert told["error"] == error
    assert told["state"] == GOOD["state"]
    assert told["iss"] == ISSUER
    assert "code" not in told


def test_a_doubled_parameter_is_refused_and_a_doubled_state_not_echoed() -> None:
    told = _refusal((urlencode(GOOD) + "&state=other").encode())
    assert told["error"] == "invalid_request"
    assert "state" not in told


def test_pkce_cannot_be_left_out() -> None:
    without = {name: value for name, value in GOOD.items() if not name.startswith("code_")}
    assert _refusal(without)["error"] == "invalid_request"


def test_the_resource_may_be_this_exchange() -> None:
    assert _read({**GOOD, "resource": ISSUER + "/"})


@given(st.binary(max_size=200))
def test_nothing_that_arrives_breaks_the_reader(text: bytes) -> None:
    with pytest.raises(UnknownClient):
        read(text, ISSUER)
