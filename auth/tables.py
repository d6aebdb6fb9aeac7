"""Tables of schema `auth`: departments, people, clients, keys and what OAuth remembers."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlmodel import Field, SQLModel

from kernel.encrypted import Encrypted
from kernel.tables import timestamp

SCHEMA = "auth"
DEPARTMENT = f"{SCHEMA}.department.uscc"
PERSON = f"{SCHEMA}.person.id"
CLIENT = f"{SCHEMA}.client.client_id"
SEPARATION = (
    "('operator' = ANY (roles))::int + ('security' = ANY (roles))::int"
    " + ('auditor' = ANY (roles))::int < 2"
)


def texts() -> Any:  # noqa: ANN401 - SQLModel's Field is untyped
    return Field(sa_column=Column(ARRAY(TEXT), nullable=False))


def former() -> Any:  # noqa: ANN401 - SQLModel's Field is untyped
    nothing = text("'[]'::jsonb")
    column = Column(JSONB, nullable=False, server_default=nothing)
    return Field(default_factory=list, sa_column=column)


class Department(SQLModel, table=True):
    """An organisation (政务部门); `standing_consent` agrees to unconditional sharing ahead.

    `successor` is whom an abolished one was merged into; `former_names` are `{name, until}`.
    """

    __tablename__: ClassVar[Any] = "department"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'abolished')", name="department_status"),
        Index("department_region_code", "region_code"),
        Index("department_successor", "successor"),
        {"schema": SCHEMA},
    )

    uscc: str = Field(primary_key=True)
    name: str
    region_code: str
    authority: bool = False
    standing_consent: bool = False
    status: str = "active"
    successor: str | None = Field(default=None, foreign_key=DEPARTMENT)
    former_names: list[dict[str, Any]] = former()
    revision: int = 1
    created_at: datetime = timestamp()


class Networks(SQLModel, table=True):
    """Where receivers and services of a department may stand: an allow-list, as CIDR."""

    __tablename__: ClassVar[Any] = "networks"
    __table_args__ = {"schema": SCHEMA}

    department: str = Field(primary_key=True, foreign_key=DEPARTMENT)
    cidrs: list[str] = texts()
    revision: int = 1
    changed_at: datetime = timestamp()


class Person(SQLModel, table=True):
    """A member of staff; `generation` grows when tokens issued before it must end.

    A temporary password gives nothing but the page that asks for another one.
    """

    __tablename__: ClassVar[Any] = "person"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'suspended')", name="person_status"),
        CheckConstraint(SEPARATION, name="person_separation"),
        Index("person_department", "department"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    username: str = Field(unique=True)
    name: str
    department: str = Field(foreign_key=DEPARTMENT)
    roles: list[str] = texts()
    password_hash: str
    password_temporary: bool = False
    status: str = "active"
    generation: int = 1
    revision: int = 1
    created_at: datetime = timestamp()


class Client(SQLModel, table=True):
    """An application system; its secret is random, so a fast digest of it is enough.

    `previous_secret_digest` holds beside it until `previous_secret_until`, after a rotation.
    """

    __tablename__: ClassVar[Any] = "client"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'suspended')", name="client_status"),
        CheckConstraint(
            "auth_method = 'client_secret_basic' AND secret_digest IS NOT NULL AND jwks IS NULL"
            " OR auth_method = 'private_key_jwt' AND secret_digest IS NULL AND jwks IS NOT NULL",
            name="client_credential",
        ),
        Index("client_department", "department"),
        {"schema": SCHEMA},
    )

    client_id: str = Field(primary_key=True)
    name: str
    department: str = Field(foreign_key=DEPARTMENT)
    scopes: list[str] = texts()
    auth_method: str
    secret_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    previous_secret_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    previous_secret_until: datetime | None = timestamp(nullable=True)
    jwks: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    rate_limit: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )
    # The contractor that runs it, its contract, and the head who approved of it (Art 36).
    operated_by: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )
    operator_approved_by: str | None = None
    operator_approved_at: datetime | None = timestamp(nullable=True)
    status: str = "active"
    generation: int = 1
    revision: int = 1
    created_at: datetime = timestamp()


class Delegation(SQLModel, table=True):
    """`delegate` acts for `department` in what the powers name; both days are inclusive."""

    __tablename__: ClassVar[Any] = "delegation"
    __table_args__ = (
        CheckConstraint("status IN ('proposed', 'active', 'ended')", name="delegation_status"),
        CheckConstraint("department <> delegate", name="delegation_parties"),
        Index("delegation_department", "department", "id"),
        Index("delegation_delegate", "delegate", "department"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    status: str
    department: str = Field(foreign_key=DEPARTMENT)
    delegate: str = Field(foreign_key=DEPARTMENT)
    powers: list[str] = texts()
    valid_from: date
    valid_until: date
    proposed_by: str
    proposed_at: datetime = timestamp()
    consented_by: str | None = None
    consented_at: datetime | None = timestamp(nullable=True)
    ended_by: str | None = None
    ended_at: datetime | None = timestamp(nullable=True)
    revision: int = 1


class SigningKey(SQLModel, table=True):
    """A key that signs access tokens; it stays public until the last token it signed ends."""

    __tablename__: ClassVar[Any] = "signing_key"
    __table_args__ = {"schema": SCHEMA}

    kid: str = Field(primary_key=True)
    private: bytes = Field(sa_type=Encrypted)
    public: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = timestamp()
    signs_from: datetime = timestamp()
    retires_at: datetime | None = timestamp(nullable=True)


class RevokedToken(SQLModel, table=True):
    """An access token that ended before its time."""

    __tablename__: ClassVar[Any] = "revoked_token"
    __table_args__ = (Index("revoked_token_expires_at", "expires_at"), {"schema": SCHEMA})

    jti: str = Field(primary_key=True)
    expires_at: datetime = timestamp()


class AuthorizationCode(SQLModel, table=True):
    """A code to be exchanged once; `family` names the refresh tokens that it started."""

    __tablename__: ClassVar[Any] = "authorization_code"
    __table_args__ = (
        Index("authorization_code_expires_at", "expires_at"),
        Index("authorization_code_person", "person_id"),
        {"schema": SCHEMA},
    )

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    family: str
    person_id: str = Field(foreign_key=PERSON)
    generation: int
    client_id: str
    redirect_uri: str
    code_challenge: str
    scope: str
    session: str | None = None
    expires_at: datetime = timestamp()
    used_at: datetime | None = timestamp(nullable=True)


class RefreshToken(SQLModel, table=True):
    """One link of a family of rotating refresh tokens, with the access token issued beside it."""

    __tablename__: ClassVar[Any] = "refresh_token"
    __table_args__ = (
        Index("refresh_token_family", "family"),
        Index("refresh_token_person", "person_id"),
        Index("refresh_token_session", "session"),
        Index("refresh_token_expires_at", "expires_at"),
        {"schema": SCHEMA},
    )

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    family: str
    person_id: str = Field(foreign_key=PERSON)
    generation: int
    client_id: str
    scope: str
    session: str | None = None
    expires_at: datetime = timestamp()
    used_at: datetime | None = timestamp(nullable=True)
    revoked_at: datetime | None = timestamp(nullable=True)
    access_jti: str
    access_expires_at: datetime = timestamp()


class DeviceCode(SQLModel, table=True):
    """What a device without a browser asked for, and what a person decided on it (RFC 8628).

    `family` names the refresh tokens that it starts. Once approved it is used once.
    """

    __tablename__: ClassVar[Any] = "device_code"
    __table_args__ = (
        CheckConstraint(
            "status IN ('pending', 'approved', 'denied', 'used')", name="device_code_status"
        ),
        CheckConstraint(
            "status IN ('pending', 'denied') OR person_id IS NOT NULL AND generation IS NOT NULL",
            name="device_code_person",
        ),
        Index("device_code_expires_at", "expires_at"),
        Index("device_code_network", "network"),
        Index("device_code_person", "person_id"),
        {"schema": SCHEMA},
    )

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    user_digest: bytes = Field(unique=True, sa_type=LargeBinary)
    status: str = "pending"
    client_id: str
    scope: str
    address: str
    network: str
    created_at: datetime = timestamp()
    expires_at: datetime = timestamp()
    interval_seconds: int
    polled_at: datetime | None = timestamp(nullable=True)
    family: str
    person_id: str | None = Field(default=None, foreign_key=PERSON)
    generation: int | None = None
    session: str | None = None
    used_at: datetime | None = timestamp(nullable=True)


class SignIn(SQLModel, table=True):
    """A browser that a person signed in with; the cookie's digest is the key.

    `session` names what began with it: its codes and families of refresh tokens.
    """

    __tablename__: ClassVar[Any] = "sign_in"
    __table_args__ = (
        Index("sign_in_person", "person_id"),
        Index("sign_in_expires_at", "expires_at"),
        {"schema": SCHEMA},
    )

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    person_id: str = Field(foreign_key=PERSON)
    generation: int
    session: str
    created_at: datetime = timestamp()
    used_at: datetime = timestamp()
    expires_at: datetime = timestamp()


class SignInFailures(SQLModel, table=True):
    """Failures of one source, with one name or with any; names are digests, known or not."""

    __tablename__: ClassVar[Any] = "sign_in_failures"
    __table_args__ = (Index("sign_in_failures_last_at", "last_at"), {"schema": SCHEMA})

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    failures: int
    last_at: datetime = timestamp()


class ClientAssertion(SQLModel, table=True):
    """A `private_key_jwt` assertion that was seen; each may be used once (RFC 7523)."""

    __tablename__: ClassVar[Any] = "client_assertion"
    __table_args__ = (Index("client_assertion_expires_at", "expires_at"), {"schema": SCHEMA})

    client_id: str = Field(primary_key=True, foreign_key=CLIENT)
    jti: str = Field(primary_key=True)
    expires_at: datetime = timestamp()
