"""Facts that this package writes to the audit log; a closed list (docs/audit-events.md)."""

from enum import StrEnum


class AuthEvent(StrEnum):
    DEPARTMENT_REGISTERED = "department.registered"
    DEPARTMENT_CHANGED = "department.changed"
    DEPARTMENT_MERGED = "department.merged"
    DEPARTMENT_MOVED = "department.moved"
    STANDING_CONSENT_GIVEN = "department.standing_consent_given"
    STANDING_CONSENT_WITHDRAWN = "department.standing_consent_withdrawn"
    NETWORKS_CHANGED = "department.networks_changed"
    PERSON_REGISTERED = "person.registered"
    PERSON_CHANGED = "person.changed"
    PASSWORD_CHANGED = "person.password_changed"  # noqa: S105 - the name of an event
    DELEGATION_PROPOSED = "delegation.proposed"
    DELEGATION_CONSENTED = "delegation.consented"
    DELEGATION_ENDED = "delegation.ended"
    CLIENT_REGISTERED = "client.registered"
    CLIENT_CHANGED = "client.changed"
    CLIENT_ROTATED = "client.rotated"
    CLIENT_SUSPENDED = "client.suspended"
    CLIENT_RESUMED = "client.resumed"
    SIGN_IN_SUCCEEDED = "sign_in.succeeded"
    SIGN_IN_FAILED = "sign_in.failed"
    CONFIRMATION_FAILED = "person.confirmation_failed"
    ACCESS_RESTORED = "person.access_restored"
    SIGNED_OUT = "sign_in.ended"
    DEVICE_APPROVED = "device.approved"
    DEVICE_DENIED = "device.denied"
    DEVICE_UNKNOWN = "device.unknown"
    TOKEN_ISSUED = "token.issued"  # noqa: S105
    TOKEN_REFUSED = "token.refused"  # noqa: S105
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    TOKEN_REUSED = "token.reused"  # noqa: S105
    KEYS_ROTATED = "keys.rotated"
