"""Mail by SMTP, in threads of its own: a server that does not answer holds up nobody else."""

import asyncio
import smtplib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Final

from kernel.settings import Settings
from kernel.tls import Files, read_text

THREADS: Final = 4
SECONDS: Final = 10.0
TOTAL_SECONDS: Final = 30.0


class MailError(Exception):
    """The server did not take a mail; `reason` is short and names no address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Mailer:
    """Sends by the server that settings name; `is_on` says whether they name one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mail")

    @property
    def is_on(self) -> bool:
        return bool(self._settings.smtp_host and self._settings.smtp_from)

    @property
    def sender(self) -> str:
        return self._settings.smtp_from

    async def send(self, message: EmailMessage, receivers: Sequence[str]) -> None:
        """Return when the server has taken it for every receiver that it knows; MailError."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                await loop.run_in_executor(self._threads, self._send, message, list(receivers))
        except TimeoutError as error:
            raise MailError("timeout") from error

    def greet(self) -> None:
        """Connect as for a mail, and send none; OSError, SMTPException, ValueError."""
        self._connected().quit()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _send(self, message: EmailMessage, receivers: list[str]) -> None:
        try:
            with self._connected() as server:
                server.send_message(message, to_addrs=receivers)
        except smtplib.SMTPResponseException as error:
            raise MailError(f"smtp_{error.smtp_code}") from error
        except smtplib.SMTPException as error:
            raise MailError(type(error).__name__) from error
        except (OSError, ValueError) as error:
            raise MailError("connect_failed") from error

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        host, port = settings.smtp_host, settings.smtp_port
        if settings.smtp_tls == "tls":
            context = Files("SMTP", settings.smtp_ca_file).context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=SECONDS)
        try:
            if settings.smtp_tls == "starttls":
                server.starttls(context=Files("SMTP", settings.smtp_ca_file).context())
            if settings.smtp_username:
                server.login(settings.smtp_username, self._password())
        except BaseException:
            server.close()
            raise
        return server

    def _password(self) -> str:
        file = self._settings.smtp_password_file
        return "" if file is None else read_text("SHUYUAN_SMTP_PASSWORD_FILE", file).strip()
