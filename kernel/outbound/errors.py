"""Why a call came to nothing."""

from enum import StrEnum


class Reason(StrEnum):
    URL_REFUSED = "url_refused"
    ADDRESS_REFUSED = "address_refused"
    NAME_UNKNOWN = "name_unknown"
    CONNECT_FAILED = "connect_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    FIRST_BYTE_TIMEOUT = "first_byte_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    BROKEN = "broken"
    BODY_TOO_LARGE = "body_too_large"


# Before these nothing of the request has left.
UNSENT = frozenset(
    {
        Reason.URL_REFUSED,
        Reason.ADDRESS_REFUSED,
        Reason.NAME_UNKNOWN,
        Reason.CONNECT_FAILED,
        Reason.CONNECT_TIMEOUT,
        Reason.TLS_FAILED,
    }
)


class OutboundError(Exception):
    """A call without an answer, or with half of one; `reason` says where it ended."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail

    @property
    def is_unsent(self) -> bool:
        """Whether nothing of the request can have reached anybody."""
        return self.reason in UNSENT
