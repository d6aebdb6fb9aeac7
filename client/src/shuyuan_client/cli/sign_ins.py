"""Sign-ins of people: for one command, or kept on this machine until `shuyuan logout`.

What is kept is a refresh token, in a file that its owner alone may read; it is used once, and each
use brings the next (docs/api.md section 2). A sign-in ends by itself after the platform's term.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import httpx

from shuyuan_client.cli.login import CLIENT_ID
from shuyuan_client.failures import Failure, unusable_file
from shuyuan_client.http import ExchangeClient, Grant
from shuyuan_client.refusals import json_object

TOKEN, REVOKE = "/oauth/token", "/oauth/revoke"
FILE_BYTES_MAX = 256 * 1024


def state_file() -> Path:
    """Return where sign-ins are kept: `shuyuan/sign-ins.json` under XDG_STATE_HOME."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "shuyuan" / "sign-ins.json"


class KeptSignIns:
    """Refresh tokens by the address of the exchange, in a file (0600)."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, base_url: str) -> str | None:
        return self._read().get(base_url)

    def put(self, base_url: str, token: str | None) -> None:
        """Keep a token in place of the one before it, or none; raises Failure."""
        kept = self._read() | ({} if token is None else {base_url: token})
        if token is None:
            kept.pop(base_url, None)
        draft = self._file.with_suffix(f".{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(draft, "w", encoding="utf-8", opener=_for_owner) as file:
                json.dump(kept, file)
            draft.replace(self._file)
        except OSError as error:
            raise unusable_file(str(self._file), error) from error

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one process at a time use a token and keep the next."""
        try:
            import fcntl  # noqa: PLC0415 - not everywhere
        except ImportError:
            yield
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = open(self._file.with_suffix(".lock"), "w", opener=_for_owner)  # noqa: SIM115
        except OSError as error:
            raise unusable_file(str(self._file), error) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, str]:
        try:
            with self._file.open("rb") as file:
                found = json.loads(file.read(FILE_BYTES_MAX))
        except (OSError, ValueError, RecursionError):
            return {}
        known = found.items() if isinstance(found, dict) else ()
        return {url: token for url, token in known if isinstance(token, str)}


class PersonGrant:
    """Signs a person in by what is kept, else by `first`; renews without asking again."""

    def __init__(self, base_url: str, first: Grant, kept: KeptSignIns, *, keeps: bool) -> None:
        """`keeps`: keep the sign-in for later commands, also one that is new."""
        self._base_url, self._first, self._kept = base_url.rstrip("/"), first, kept
        self._keeps = keeps or kept.get(self._base_url) is not None
        self._token: str | None = None

    def __call__(self, http: httpx.Client) -> httpx.Response:
        if self._keeps:
            with self._kept.turn():
                token = self._kept.get(self._base_url)
                answer = self._renewed(http, token)
        else:
            answer = self._renewed(http, self._token)
        if answer is None:
            answer = self._first(http)
            self._remember(answer)
        return answer

    def _renewed(self, http: httpx.Client, token: str | None) -> httpx.Response | None:
        """Return the answer to a refresh token; None where the person has to sign in again."""
        if token is None:
            return None
        form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": token}
        answer = http.post(TOKEN, data=form)
        if answer.status_code == HTTPStatus.BAD_REQUEST:
            return None
        self._remember(answer)
        return answer

    def end(self, http: httpx.Client) -> None:
        """End the sign-in of one command; one that is kept goes on."""
        if not self._keeps and self._token is not None:
            _revoke(http, self._token)

    def _remember(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            return
        self._token = json_object(answer).get("refresh_token")
        if self._keeps:
            self._kept.put(self._base_url, self._token)


class PersonClient(ExchangeClient):
    """Calls the exchange as a person; closing it ends a sign-in that nobody keeps.

    It goes on where `hands_on`: the token is for somebody else, and would end with the sign-in.
    """

    def __init__(self, base_url: str, grant: PersonGrant, *, hands_on: bool = False) -> None:
        super().__init__(base_url, grant)
        self._person, self._hands_on = grant, hands_on

    def close(self) -> None:
        if not self._hands_on:
            with suppress(httpx.HTTPError):
                self._person.end(self._http)
        super().close()


def end_kept(base_url: str, kept: KeptSignIns) -> bool:
    """End the sign-in that is kept for an address, there and here; False where there is none."""
    address = base_url.rstrip("/")
    with kept.turn():
        token = kept.get(address)
        if token is None:
            return False
        kept.put(address, None)
    try:
        with httpx.Client(base_url=address, timeout=10) as http:
            answer = _revoke(http, token)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, ImportError, OSError) as error:
        raise _not_ended(address, str(error) or type(error).__name__) from error
    if answer.status_code != HTTPStatus.OK:
        raise _not_ended(address, f"{answer.status_code}")
    return True


def _revoke(http: httpx.Client, token: str) -> httpx.Response:
    return http.post(REVOKE, data={"client_id": CLIENT_ID, "token": token})


def _not_ended(address: str, reason: str) -> Failure:
    return Failure(
        f"本机保存的登录已删除，但未能通知 {address}：{reason}；平台上的登录将自行到期。",
        f"The sign-in was removed here, but {address} could not be told: {reason}; it ends there "
        "by itself.",
    )


def _for_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
