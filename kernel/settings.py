"""Settings: the only reader of the environment; each is documented in docs/settings.md."""

import base64
import os
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

RETENTION_HOURS_MIN = 8 * 24
"""The seven days of an Idempotency-Key, and a day."""
MASTER_KEY_BYTES = 32
OTHER_MASTER_KEYS_MAX = 8


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        # A value that is refused may be a password.
        env_prefix="SHUYUAN_",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    environment: Literal["development", "production"] = Field(
        "production",
        description="development seeds people and lets tokens and cookies travel over http",
    )
    database_url: str = Field(
        "postgresql://127.0.0.1:5432/shuyuan", repr=False, description="PostgreSQL, as a URL"
    )
    database_tls: Literal["disable", "require", "verify-ca", "verify-full"] = Field(
        "disable", description="TLS towards PostgreSQL; only verify-full knows who answers"
    )
    database_tls_ca_file: Path | None = Field(
        None, description="certificates that sign PostgreSQL's (PEM); else those of the system"
    )
    database_tls_cert_file: Path | None = Field(
        None, description="the platform's own certificate at PostgreSQL (PEM)"
    )
    database_tls_key_file: Path | None = Field(
        None, description="its private key (PEM), without a password"
    )
    database_pool: int = Field(8, ge=2, description="connections per process")
    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Kafka brokers, host:port,…")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="TLS, a password (SASL), both or neither towards the brokers"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how the password is proven"
    )
    kafka_sasl_username: str = Field("", description="the platform's user at the brokers")
    kafka_sasl_password_file: Path | None = Field(None, description="file that holds its password")
    kafka_ca_file: Path | None = Field(
        None, description="certificates that sign the brokers' (PEM); else those of the system"
    )
    kafka_cert_file: Path | None = Field(
        None, description="the platform's own certificate at the brokers (PEM), for mutual TLS"
    )
    kafka_key_file: Path | None = Field(
        None, description="its private key (PEM), without a password"
    )
    replication_factor: int = Field(3, ge=1, description="copies of every topic")
    min_insync_replicas: int = Field(2, ge=1, description="copies that must acknowledge")
    retention_hours: int = Field(
        -1, ge=-1, description="how long a topic keeps records; -1 for ever"
    )
    base_url: str = Field("http://127.0.0.1:8000", description="public address, the OAuth issuer")
    open_licence: str = Field(
        "https://creativecommons.org/licenses/by/4.0/",
        description="address of the licence under which open data may be used",
    )
    master_key: str = Field(
        "", repr=False, description="32 random bytes, base64url: protects stored keys"
    )
    master_key_file: Path | None = Field(None, description="file that holds the master key")
    other_master_keys: str = Field(
        "", repr=False, description="master keys, with commas between, that are read only"
    )
    other_master_keys_file: Path | None = Field(
        None, description="file that holds them, one a line"
    )
    host: str = Field("127.0.0.1", description="address that the gateway listens on")
    port: int = Field(8000, description="port that the gateway listens on")
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, description="gateway workers")
    access_token_seconds: int = Field(3600, ge=1, le=86_400, description="life of an access token")
    refresh_token_seconds: int = Field(
        28800, ge=60, le=604_800, description="life of a staff refresh token and of a sign-in"
    )
    sign_in_idle_seconds: int = Field(
        1800, ge=60, description="a browser's sign-in that nobody used for so long ends"
    )
    signing_key_days: int = Field(
        90, ge=0, description="the worker replaces a signing key of this age; 0 is never"
    )
    four_eyes: bool | None = Field(
        None, description="who drafted may not sign; empty: outside development"
    )
    trusted_proxies: str = Field(
        "", description="networks whose X-Forwarded-For tells the caller's address, CIDR,…"
    )
    sign_in_names_per_source: int = Field(
        30, ge=1, description="names that may fail from one address in an hour before it waits"
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        """Addresses are made by adding a path: the slash at the end is none of it."""
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("must be http:// or https:// with a host")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError("must be an address without user, query and fragment")
        return text.rstrip("/")

    @field_validator("bucket_url")
    @classmethod
    def _is_a_bucket(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and not (parts.scheme in {"http", "https"} and parts.hostname):
            raise ValueError("must be http:// or https:// with a host")
        if text and (parts.query or parts.fragment or parts.username is not None):
            raise ValueError("must be an address without user, query and fragment")
        if text and not parts.path.strip("/"):
            raise ValueError("must name a bucket behind the host")
        return text

    @field_validator("trusted_proxies", "outbound_forbidden")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        for part in text.split(","):
            if part.strip():
                ip_network(part.strip())
        return text

    rules_stale_seconds: float = Field(
        1.0, gt=0, description="oldest confirmation of rules under which a record may leave (P3)"
    )
    audit_flush_seconds: float = Field(
        1.0, gt=0, description="longest time that counts of reads wait in memory (P8)"
    )
    inflight_bytes: int = Field(
        256 * 1024 * 1024,
        description="bytes of bodies a worker holds at once, a client a quarter (P9)",
    )
    untaken_bytes: int = Field(
        256 * 1024 * 1024,
        description="bytes of answers a worker holds that nobody takes, a client a quarter (P9)",
    )
    compile_after_records: int = Field(
        10_000,
        ge=0,
        description="records of batches before a gateway worker loads compiled checks; 0 is never",
    )
    quarantine_days: int = Field(
        30, ge=8, description="days that records refused by their contract are kept to be corrected"
    )
    receipts_days: int = Field(
        30, ge=1, description="days that receipts are listed; each is read by its id for ever"
    )
    ledger_days: int = Field(
        190, ge=31, description="days that pages of delivery ledgers are kept to be compared"
    )
    verify_subjects_per_day: int = Field(
        10_000, ge=1, description="keys that a subscription may verify in a day"
    )
    verify_tries_per_subject: int = Field(
        5, ge=1, description="times that it may verify one of them in a day"
    )
    verify_mismatch_percent: int = Field(
        50, ge=1, le=100, description="mismatches among its last 100 tries beyond which it guesses"
    )
    similar_score: float = Field(
        0.80,
        gt=0,
        le=1,
        description="likeness from which data and entries count as the same (Art 19)",
    )
    quarantine_entries: int = Field(
        100_000, ge=0, description="records that the quarantine of one resource holds (P9)"
    )
    quarantine_bytes: int = Field(
        256 * 1024 * 1024, ge=0, description="bytes of records that it holds (P9)"
    )
    rate_client_per_second: float = Field(
        200.0, gt=0, description="publishes and pulls of one client a second, on average (P9)"
    )
    rate_client_burst: int = Field(400, ge=1, description="and at once, after a pause")
    rate_subscription_per_second: float = Field(
        50.0, gt=0, description="pulls of one subscription a second, on average (P9)"
    )
    rate_subscription_burst: int = Field(100, ge=1, description="and at once, after a pause")
    rate_source_per_second: float = Field(
        200.0,
        gt=0,
        description="other requests of one caller or address a second on a worker, on average (P9)",
    )
    rate_source_burst: int = Field(1000, ge=1, description="and at once, after a pause")
    drain_seconds: float = Field(
        2.0,
        ge=0,
        description="from the signal to stop, and `/readyz` turning, to refusing new requests",
    )
    reply_conditional_days: int = Field(
        10, ge=1, le=10, description="working days to answer for conditional data (Art 21, C4)"
    )
    extension_days: int = Field(
        10, ge=1, le=10, description="working days that all extensions may come to (Art 21, C5)"
    )
    delivery_days: int = Field(
        20, ge=1, le=20, description="working days to deliver after agreeing (Art 22, C6)"
    )
    correction_days: int = Field(
        10, ge=1, le=10, description="working days to answer a correction (Art 26, C7)"
    )
    disposal_days: int = Field(
        20, ge=1, le=250, description="working days to dispose of data after the end (Art 27)"
    )
    events_days: int = Field(
        190, ge=1, description="days that events are kept to be read at /v1/events"
    )
    refusals_days: int = Field(
        190, ge=1, description="days that refused requests are kept to be asked about (P10)"
    )
    blobs_dir: Path | None = Field(
        None, description="folder of files, encrypted, that gateways and workers share"
    )
    map_file: Path | None = Field(
        None, description="drawing of divisions (SVG) in place of the console's own"
    )
    bucket_url: str = Field(
        "", description="bucket of an S3 store instead: https://host[:port]/bucket[/prefix]"
    )
    bucket_region: str = Field("us-east-1", description="region that requests to it are signed for")
    bucket_key_id: str = Field("", repr=False, description="the platform's access key there")
    bucket_secret_file: Path | None = Field(None, description="file that holds its secret")
    bucket_ca_file: Path | None = Field(
        None, description="certificates that sign its own (PEM), beside those of the system"
    )
    reports_dir: Path | None = Field(
        None, description="folder of load tests' reports that the console shows to operators"
    )
    scan_address: str = Field(
        "", description="clamd that looks at files from outside: host:port, or a socket's path"
    )
    outbound_ca_file: Path | None = Field(
        None, description="certificates that sign departments' receivers and services (PEM)"
    )
    outbound_http: bool | None = Field(
        None, description="departments may be called without TLS; empty: in development alone"
    )
    outbound_forbidden: str = Field(
        "", description="networks that are never called, the platform's own, CIDR,…"
    )
    outbound_loopback: bool = Field(
        default=False,
        description="addresses of this machine may be called: for local runs and tests",
    )
    smtp_host: str = Field("", description="server that mail is sent by; empty: no mail is sent")
    smtp_port: int = Field(587, ge=1, le=65535, description="its port")
    smtp_tls: Literal["none", "starttls", "tls"] = Field(
        "starttls", description="TLS towards it: from the start, asked for, or none"
    )
    smtp_ca_file: Path | None = Field(
        None, description="certificates that sign its own (PEM); else those of the system"
    )
    smtp_username: str = Field("", description="the platform's user there; empty: none")
    smtp_password_file: Path | None = Field(None, description="file that holds its password")
    smtp_from: str = Field("", description="address that mail comes from")
    jobs_at_once: int = Field(
        2, ge=0, le=16, description="jobs that a worker runs side by side; 0 is none"
    )
    metrics_host: str = Field("127.0.0.1", description="address of the metrics' own ports")
    gateway_metrics_port: int = Field(
        9464, ge=0, le=65535, description="port of the metrics of this node's gateway; 0 is none"
    )
    worker_metrics_port: int = Field(
        9465, ge=0, le=65535, description="port of the metrics of the worker; 0 is none"
    )
    metrics_dir: Path | None = Field(
        None, description="set by the gateway for its workers: where each writes its metrics"
    )
    worker_heartbeat_file: Path | None = Field(
        None, description="touched by the worker while every loop is healthy"
    )
    step_log_ms: int = Field(
        0,
        ge=0,
        description="steps of a loop that take so many ms of CPU are logged; 0 is none (P11)",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe log line written"
    )

    @property
    def needs_temporary_passwords(self) -> bool:
        """Whether a password that somebody else has set must be changed at the first sign-in."""
        return self.environment != "development"

    @property
    def allows_clear_text(self) -> bool:
        """Whether departments may be called without TLS."""
        return (
            self.environment == "development" if self.outbound_http is None else self.outbound_http
        )

    @property
    def needs_four_eyes(self) -> bool:
        """Whether who drafted something is not the one to sign it."""
        return self.environment != "development" if self.four_eyes is None else self.four_eyes

    @field_validator("retention_hours")
    @classmethod
    def _longer_than_keys_are_kept(cls, hours: int) -> int:
        """Within their term keyed publishes are settled from the log: it must still hold them."""
        if 0 <= hours < RETENTION_HOURS_MIN:
            raise ValueError(
                f"SHUYUAN_RETENTION_HOURS must be -1 or at least {RETENTION_HOURS_MIN}: an "
                "Idempotency-Key is good for 7 days, and the log must hold its batch as long"
            )
        return hours

    @property
    def has_master_key(self) -> bool:
        return bool(self.master_key or self.master_key_file)

    def master_key_bytes(self) -> bytes:
        """Return the master key, that which writes; ValueError says what is wrong with it."""
        text = self.master_key or (
            self.master_key_file.read_text().strip() if self.master_key_file else ""
        )
        return _key(text, "SHUYUAN_MASTER_KEY")

    def other_master_key_bytes(self) -> tuple[bytes, ...]:
        """Return the master keys that are read only; ValueError says what is wrong with one."""
        listed = self.other_master_keys or (
            self.other_master_keys_file.read_text() if self.other_master_keys_file else ""
        )
        texts = listed.replace(",", " ").split()
        if len(texts) > OTHER_MASTER_KEYS_MAX:
            raise ValueError(f"SHUYUAN_OTHER_MASTER_KEYS: at most {OTHER_MASTER_KEYS_MAX} keys")
        return tuple(_key(text, "SHUYUAN_OTHER_MASTER_KEYS") for text in texts)


def _key(text: str, setting: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise ValueError(f"{setting} must be 32 random bytes in base64url")
    return key


def of(environment: Mapping[str, str]) -> Settings:
    """Return the settings of another process, whose environment this is."""
    prefix = Settings.model_config["env_prefix"]
    return Settings.model_validate(
        {
            name.removeprefix(prefix).lower(): value
            for name, value in environment.items()
            if name.startswith(prefix) and value
        }
    )


@lru_cache(maxsize=1)
def load() -> Settings:
    return Settings()
