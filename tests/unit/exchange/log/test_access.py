"""A file that the settings name is read at start, and what is wrong with it is said by name."""

from pathlib import Path
from typing import Any

import pytest

from exchange.log.access import Access
from kernel.settings import Settings
from tests.support.certificates import Authority


def access(**options: Any) -> Access:  # noqa: ANN401
    return Access.of(Settings(**options))


def test_by_default_brokers_are_reached_in_the_clear() -> None:
    options = access(kafka_bootstrap="one:1,two:2").options()
    assert options["bootstrap_servers"] == "one:1,two:2"
    assert options["security_protocol"] == "PLAINTEXT"
    assert options["ssl_context"] is options["sasl_plain_password"] is None


def test_a_password_is_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n")
    reached = access(
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_username="user",
        kafka_sasl_password_file=file,
    )
    assert reached.options()["sasl_plain_password"] == "secret"
    assert "secret" not in repr(reached)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"kafka_security_protocol": "SASL_SSL"}, "SHUYUAN_KAFKA_SASL_PASSWORD_FILE is not set"),
        (
            {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_password_file": Path("/nowhere")},
            "SHUYUAN_KAFKA_SASL_PASSWORD_FILE: /nowhere",
        ),
        (
            {"kafka_security_protocol": "SSL", "kafka_ca_file": Path("/nowhere")},
            "SHUYUAN_KAFKA_CA_FILE: /nowhere",
        ),
        (
            {"kafka_security_protocol": "SSL", "kafka_ca_file": Path(__file__)},
            "SHUYUAN_KAFKA_CA_FILE",
        ),
        (
            {"kafka_security_protocol": "SSL", "kafka_key_file": Path(__file__)},
            "without SHUYUAN_KAFKA_CERT_FILE",
        ),
        (
            {"kafka_security_protocol": "SSL", "kafka_cert_file": Path(__file__)},
            "SHUYUAN_KAFKA_CERT_FILE",
        ),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        access(**options)


def test_a_certificate_and_a_key_that_do_not_belong_together_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, _key = authority.issue("one")
    _certificate, key = authority.issue("two")
    with pytest.raises(ValueError, match="SHUYUAN_KAFKA_CERT_FILE"):
        access(
            kafka_security_protocol="SSL",
            kafka_ca_file=authority.file,
            kafka_cert_file=certificate,
            kafka_key_file=key,
        )
