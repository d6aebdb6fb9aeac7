"""TLS towards servers, by files that settings name."""

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Files:
    """PEM files by the settings that begin with `prefix`, as in `SHUYUAN_KAFKA_CA_FILE`.

    Without `authority` the certificates that the system trusts sign the server's.
    """

    prefix: str
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what checks certificate and host name; ValueError says which file is wrong."""
        if self.authority is not None:
            read_text(f"SHUYUAN_{self.prefix}_CA_FILE", self.authority)
        try:
            context = ssl.create_default_context(cafile=self.authority)
        except ssl.SSLError as error:
            raise ValueError(
                f"SHUYUAN_{self.prefix}_CA_FILE: {self.authority} holds no certificate in PEM"
                f" ({error})"
            ) from error
        self._show(context)
        return context

    def _show(self, context: ssl.SSLContext) -> None:
        """Let the context show our own certificate, where there is one."""
        if self.certificate is None:
            if self.key is not None:
                raise ValueError(
                    f"SHUYUAN_{self.prefix}_KEY_FILE is set without SHUYUAN_{self.prefix}_CERT_FILE"
                )
            return
        read_text(f"SHUYUAN_{self.prefix}_CERT_FILE", self.certificate)
        if self.key is not None:
            read_text(f"SHUYUAN_{self.prefix}_KEY_FILE", self.key)
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(
                f"SHUYUAN_{self.prefix}_CERT_FILE {self.certificate} and"
                f" SHUYUAN_{self.prefix}_KEY_FILE {self.key or self.certificate} are not a"
                f" certificate and its private key in PEM ({error})"
            ) from error


def read_text(setting: str, file: Path) -> str:
    """Return what the file holds; ValueError names the setting where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{setting}: {file} cannot be read ({error})") from error


def _no_password() -> str:
    """Answer instead of OpenSSL, which would ask on the terminal."""
    raise ValueError("the private key has a password")
