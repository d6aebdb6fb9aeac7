"""PKCE with S256 (RFC 7636)."""

import pytest

from auth.oauth.errors import InvalidRequestError
from auth.oauth.pkce import proves
from tests.support.identity import challenge


@pytest.mark.parametrize("verifier", ["v" * 43, "A-._~z9" * 10, "v" * 128])
def test_the_verifier_of_a_challenge_proves_it(verifier: str) -> None:
    assert proves(verifier, challenge(verifier))
    assert not proves(verifier, challenge(verifier + "x"))


@pytest.mark.parametrize(
    "verifier",
    ["", "v", "v" * 42, "v" * 129, "v" * 10_000, "v" * 42 + "!", "汉" * 43, "v" * 43 + "\n"],
)
def test_what_is_no_verifier_is_an_invalid_request(verifier: str) -> None:
    """Verifiers of one character, or of ten thousand, once passed (section 4.1)."""
    with pytest.raises(InvalidRequestError):
        proves(verifier, challenge("v" * 43))
