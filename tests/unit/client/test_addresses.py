"""An address, a proxy or certificates that nothing can be called by are a sentence."""

import pytest

from shuyuan_client.cli.doctor import reach
from shuyuan_client.failures import Failure
from shuyuan_client.grants import with_secret
from shuyuan_client.http import ExchangeClient


@pytest.mark.parametrize(
    "address",
    ["http://[", "share.example", "ftp://share.example", "http://127.0.0.1:x", "https://", "x y",
     "http://127.0.0.1:99999", "http://a\nb:x"],
)  # fmt: skip
def test_an_address_that_is_none_is_told_with_one_that_is(address: str) -> None:
    """Some of them were once a traceback of the library."""
    with pytest.raises(Failure, match=r"https://share\.example"):
        ExchangeClient(address, with_secret("a", "b"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "foo://proxy.example"), ("SSL_CERT_FILE", "/nowhere/authority.pem"),
     ("SSL_CERT_FILE", "/dev/null/authority.pem")],
)  # fmt: skip
def test_settings_of_the_machine_that_cannot_be_used_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Failure, match=name):
        ExchangeClient("https://share.example", with_secret("a", "b"))
    answer, found = reach("https://127.0.0.1:9")
    assert (answer, bool(found.remedy)) == (None, True)
