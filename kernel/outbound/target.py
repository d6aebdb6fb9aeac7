"""An address that is called, as a URL says it; pure."""

from dataclasses import dataclass
from typing import Final

from yarl import URL

from kernel.outbound.addresses import Address
from kernel.outbound.errors import OutboundError, Reason

URL_MAX: Final = 2048
SCHEMES: Final = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be called, with the host that a request and a certificate name."""

    url: URL
    host: str
    port: int

    @classmethod
    def of(cls, text: str, *, clear_text: bool) -> "Target":
        """Read a URL; raises OutboundError (`url_refused`) with what is wrong with it."""
        if len(text) > URL_MAX or any(ord(char) <= ord(" ") for char in text):
            raise OutboundError(Reason.URL_REFUSED, "too long, or with blanks")
        try:
            url = URL(text)
            host, port = url.raw_host, url.port
        except (ValueError, TypeError) as error:
            raise OutboundError(Reason.URL_REFUSED, "not a URL") from error
        if url.scheme not in SCHEMES or not host or not port:
            raise OutboundError(Reason.URL_REFUSED, "must be https:// with a host")
        if url.scheme == "http" and not clear_text:
            raise OutboundError(Reason.URL_REFUSED, "must be https://")
        if url.raw_user is not None or url.raw_password is not None or url.raw_fragment:
            raise OutboundError(Reason.URL_REFUSED, "must be without user and fragment")
        return cls(url, host, port)

    @property
    def authority(self) -> str:
        """Return what the header `Host` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.url.is_default_port() else f"{host}:{self.port}"

    @property
    def server_name(self) -> str | None:
        """Return the name that TLS asks for and checks; None where TLS is not spoken."""
        return self.host if self.url.scheme == "https" else None

    def at(self, address: Address) -> URL:
        """Return the URL with the address in the place of the host: nothing is resolved again."""
        return self.url.with_host(str(address))
