"""What is wrong with an assertion is told apart, and none is taken that is for others too (D17)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from auth.oauth import assertions
from auth.oauth.assertions import SECONDS_MAX
from auth.oauth.errors import InvalidClient

KEY = ECKey.generate_key("P-256", auto_kid=True)
KEYS = {"keys": [KEY.as_dict(private=False)]}
OURS, NOW = "https://exchange.example", 1_800_000_000
CLAIMS: dict[str, Any] = {"iss": "c", "sub": "c", "aud": OURS, "jti": "j", "exp": NOW + 60}


def verify(**changed: object) -> assertions.Assertion:
    text = jwt.encode({"alg": "ES256", "kid": str(KEY.kid)}, CLAIMS | changed, KEY)
    named = assertions.named(text)
    return assertions.verified(text, named, KEYS, {OURS}, datetime.fromtimestamp(NOW, UTC))


def test_an_assertion_for_us_alone_is_taken() -> None:
    assert verify().jti == verify(aud=[OURS]).jti == "j"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"aud": [OURS, "https://other.example"]}, "audience"),
        ({"exp": NOW}, "has expired"),
        ({"exp": NOW + SECONDS_MAX + 1}, "lives longer"),
        ({"nbf": NOW + 3600}, "not valid yet"),
        ({"iat": NOW + 3600}, "not valid yet"),
        ({"exp": "soon"}, "not a number"),
    ],
)
def test_what_is_wrong_is_told(changed: dict[str, object], told: str) -> None:
    """Of a list with a stranger in it one of ours was enough, and three faults had one text."""
    with pytest.raises(InvalidClient) as refused:
        verify(**changed)
    assert told in refused.value.description
