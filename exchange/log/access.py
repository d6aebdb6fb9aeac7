"""How the brokers are reached: addresses, TLS and SASL, the same for every client of them."""

import ssl
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

from aiokafka.errors import (
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from kernel.settings import Settings
from kernel.tls import Files, read_text

TLS = frozenset({"SSL", "SASL_SSL"})
SASL = frozenset({"SASL_PLAINTEXT", "SASL_SSL"})


@dataclass(frozen=True, slots=True)
class Access:
    """What each client of the brokers is given; `bootstrap` is `host:port,…`."""

    bootstrap: str
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the files that the settings name; ValueError says which one is wrong, and how."""
        protocol = settings.kafka_security_protocol
        username = password = None
        if protocol in SASL:
            username, password = settings.kafka_sasl_username, _password(settings)
            if not username:
                raise ValueError(f"SHUYUAN_KAFKA_SASL_USERNAME is empty, and {protocol} needs it")
        return cls(
            settings.kafka_bootstrap,
            protocol,
            settings.kafka_sasl_mechanism if protocol in SASL else "PLAIN",
            username,
            password,
            _context(settings) if protocol in TLS else None,
        )

    def options(self) -> dict[str, Any]:
        """Return the arguments that every client and producer of aiokafka takes."""
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.protocol,
            "ssl_context": self.tls,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }


Brokers: TypeAlias = Access | str
"""How brokers are reached; an address alone is one in the clear."""


def access(brokers: Brokers) -> Access:
    return Access(brokers) if isinstance(brokers, str) else brokers


def _password(settings: Settings) -> str:
    file = settings.kafka_sasl_password_file
    if file is None:
        raise ValueError(
            "SHUYUAN_KAFKA_SASL_PASSWORD_FILE is not set, and"
            f" {settings.kafka_security_protocol} needs it"
        )
    password = read_text("SHUYUAN_KAFKA_SASL_PASSWORD_FILE", file).strip()
    if not password:
        raise ValueError(f"SHUYUAN_KAFKA_SASL_PASSWORD_FILE: {file} is empty")
    return password


def _context(settings: Settings) -> ssl.SSLContext:
    authority, certificate = settings.kafka_ca_file, settings.kafka_cert_file
    return Files("KAFKA", authority, certificate, settings.kafka_key_file).context()


def trouble_of(error: BaseException) -> str:
    """Return in a sentence why a broker could not be reached, with the setting to look at."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message} (SHUYUAN_KAFKA_CA_FILE)"
    if isinstance(error, ssl.SSLError):
        reason = error.reason or str(error)
        return f"no TLS with it: {reason} (SHUYUAN_KAFKA_SECURITY_PROTOCOL, …_CERT_FILE)"
    if isinstance(error, SaslAuthenticationFailed):
        return "it refuses user or password (SHUYUAN_KAFKA_SASL_USERNAME, …_PASSWORD_FILE)"
    if isinstance(error, UnsupportedSaslMechanismError | IllegalSaslStateError):
        return f"it does not take this SASL mechanism: {error} (SHUYUAN_KAFKA_SASL_MECHANISM)"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    return str(error) or repr(error)
