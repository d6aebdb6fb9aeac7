"""Which addresses may be called, whatever they are spelled like."""

from ipaddress import ip_network

import pytest

from kernel.outbound.addresses import Rule, networks_of, plain
from kernel.outbound.errors import OutboundError, Reason
from kernel.outbound.target import Target

EVERYWHERE = [ip_network("0.0.0.0/0"), ip_network("::/0")]
NEVER = [
    "169.254.169.254",
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%1",
    "ff02::1",
    "::ffff:169.254.169.254",
    "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "::127.0.0.1",
]


@pytest.mark.parametrize("text", NEVER)
def test_no_allow_list_opens_an_address_that_is_never_called(text: str) -> None:
    assert not Rule().allows(plain(text), EVERYWHERE)


@pytest.mark.parametrize("text", ["10.1.2.3", "192.168.7.9", "172.16.0.9", "59.211.1.1", "fd00::7"])
def test_networks_of_a_department_may_be_private(text: str) -> None:
    assert Rule().allows(plain(text), EVERYWHERE)


def test_what_is_not_listed_is_not_called() -> None:
    rule, networks = Rule(), [ip_network("10.1.2.0/24")]
    assert rule.allows(plain("10.1.2.255"), networks)
    assert rule.allows(plain("::ffff:10.1.2.9"), networks)
    assert not rule.allows(plain("10.1.3.0"), networks)
    assert not rule.allows(plain("10.1.2.9"), [])


def test_loopback_is_opened_by_the_setting_and_still_has_to_be_listed() -> None:
    rule = Rule(loopback=True)
    assert rule.allows(plain("127.0.0.1"), [ip_network("127.0.0.0/8")])
    assert not rule.allows(plain("127.0.0.1"), [ip_network("10.0.0.0/8")])
    assert not rule.allows(plain("169.254.169.254"), EVERYWHERE)


def test_networks_of_the_platform_are_never_called() -> None:
    rule = Rule(forbidden=networks_of("10.9.0.0/24, 10.9.1.7/32,"))
    assert not rule.allows(plain("10.9.0.1"), EVERYWHERE)
    assert not rule.allows(plain("10.9.1.7"), EVERYWHERE)
    assert rule.allows(plain("10.9.1.8"), EVERYWHERE)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a.example/",
        "//a.example/",
        "https://",
        "https://user:secret@a.example/",
        "https://user@a.example/",
        "https://a.example/#fragment",
        "https://a.example:0/",
        "https://a.example:99999/",
        "https://a example/",
        "https://a.example/\r\nX: y",
        "https://[::1/",
        "https://a.example/" + "a" * 2048,
        "http://a.example/",
    ],
)
def test_a_url_names_a_host_over_tls_and_nothing_else(url: str) -> None:
    with pytest.raises(OutboundError) as refused:
        Target.of(url, clear_text=False)
    assert refused.value.reason is Reason.URL_REFUSED
    assert refused.value.is_unsent


def test_the_tested_address_takes_the_place_of_the_name() -> None:
    target = Target.of("https://数据.example:8443/a%2Fb?c=%20d&e", clear_text=False)
    assert target.authority == "xn--vxup8b.example:8443"
    assert target.server_name == "xn--vxup8b.example"
    assert str(target.at(plain("10.1.2.3"))) == "https://10.1.2.3:8443/a%2Fb?c=%20d&e"
    assert str(target.at(plain("fd00::7"))) == "https://[fd00::7]:8443/a%2Fb?c=%20d&e"
    assert Target.of("http://[fd00::7]/", clear_text=True).authority == "[fd00::7]"
    assert Target.of("http://[fd00::7]/", clear_text=True).server_name is None
