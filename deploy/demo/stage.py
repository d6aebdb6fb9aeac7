"""Where the demo plays: the running platform, and everybody who calls it over HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.demo.memory import Memory
from deploy.demo.sign_in import signing_in
from deploy.local.files import read_json
from shuyuan_client.http import ExchangeClient, Grant, Refused

NOT_FOUND = 404
LIST_LIMIT = "200"
# The people whom `make up` has seeded, one for each role.
OPERATOR, SECURITY, AUTHORITY = "operator", "security", "authority"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform as `deploy.local` has started it; `environment` are its settings."""

    base_url: str
    credentials: Path
    environment: Mapping[str, str]
    folder: Path


class Callers:
    """A context that holds a client for everybody who calls one platform, by name."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._clients: dict[str, ExchangeClient] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def admit(self, name: str, grant: Grant) -> None:
        """Let somebody call the platform under this name."""
        client = ExchangeClient(self.base_url, grant)
        self._clients[name] = self._open.enter_context(client)

    def as_(self, name: str) -> ExchangeClient:
        return self._clients[name]


class Stage(Callers):
    """The people whom `make up` has seeded, and whom the demo admits."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform.base_url)
        self.platform = platform
        self.memory = Memory(platform.folder)
        people = read_json(platform.credentials).get("people", [])
        for person in people:
            grant = signing_in(person["username"], person["password"])
            for role in person["roles"]:
                self.admit(role, grant)


def find(client: ExchangeClient, path: str) -> Json | None:
    """Return the thing, None when there is none."""
    try:
        return client.ask("GET", path)
    except Refused as refusal:
        if refusal.status == NOT_FOUND:
            return None
        raise


def listed(client: ExchangeClient, path: str, **filters: str) -> Iterator[Json]:
    """Yield everything of a list, narrowed by `filters`, page after page."""
    cursor: str | None = None
    while True:
        params = filters | {"limit": LIST_LIMIT} | ({"cursor": cursor} if cursor else {})
        page = client.ask("GET", path, params=params)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def find_in(client: ExchangeClient, path: str, wanted: Json, **filters: str) -> Json | None:
    """Return the first thing of a list, narrowed by `filters`, whose fields are as wanted."""
    for item in listed(client, path, **filters):
        if all(item[name] == value for name, value in wanted.items()):
            return item
    return None
