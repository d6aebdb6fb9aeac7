"""Everybody who acts in the region, each calling the platform as themselves."""

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auth.regions.codes import STATE
from deploy.demo.memory import Memory
from deploy.demo.sign_in import signing_in
from deploy.demo.stage import AUTHORITY, Callers
from deploy.local.files import read_json, write_json
from deploy.region.region import Department, Region
from shuyuan_client.http import ExchangeClient, Grant, with_secret

NATIONAL_AUTHORITY = "国家数据局"
PASSWORD_BYTES = 18


@dataclass(frozen=True, slots=True)
class Site:
    """The platform on which the region is built, and the folder of what a build remembers.

    Of the platform's `environment` only its database server is used: departments keep a database
    of their own there. `services` is where the departments' own services listen; without, they last
    as long as the build.
    """

    base_url: str
    credentials: Mapping[str, Any]
    environment: Mapping[str, str]
    folder: Path
    services: str | None = None


class Notes:
    """What one run tells the next one, beside secrets; kept whole after each change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, Any] = read_json(path)

    def get(self, name: str) -> Any:  # noqa: ANN401 - whatever was noted
        return self._known.get(name)

    def all(self, prefix: str) -> list[tuple[str, Any]]:
        """Return what was noted under names that begin so."""
        return [(name, value) for name, value in self._known.items() if name.startswith(prefix)]

    def note(self, name: str, value: object) -> None:
        with self._lock:
            self._known[name] = value
            write_json(self._path, self._known)

    def forget(self, name: str) -> None:
        with self._lock:
            if self._known.pop(name, None) is not None:
                write_json(self._path, self._known)


class Stage(Callers):
    """Clients are made when somebody first acts."""

    def __init__(self, site: Site, region: Region) -> None:
        super().__init__(site.base_url)
        self.region = region
        self.services = site.services
        self.notes = Notes(site.folder / "notes.json")
        self._memory = Memory(site.folder)
        self._lock = threading.RLock()
        self._seeded = {
            role: (person["username"], person["password"])
            for person in site.credentials.get("people", [])
            for role in person["roles"]
        }

    def seeded(self, role: str) -> ExchangeClient:
        """One of the people with whom the platform begins."""
        return self._client(f"seeded {role}", lambda: signing_in(*self._seeded[role]))

    def authority(self, region_code: str) -> ExchangeClient:
        """Who reviews entries and designates sources there."""
        if region_code == STATE:
            return self.post(self.region.departments[NATIONAL_AUTHORITY], "authority")
        return self.seeded(AUTHORITY)

    def post(self, department: Department, suffix: str) -> ExchangeClient:
        """Whoever holds a post of a department."""
        username = department.username(suffix)
        return self._client(username, lambda: signing_in(username, self.password(username)))

    def clerk(self, department: Department) -> ExchangeClient:
        return self.post(department, "clerk")

    def head(self, department: Department) -> ExchangeClient:
        return self.post(department, "head")

    def system(self, system_id: str) -> ExchangeClient:
        """An application system, with its own secret."""
        client_id = self.client_id(system_id)
        secret = self.secret(f"client {system_id}")
        assert secret is not None  # noqa: S101 - registered before it acts
        return self._client(f"system {system_id}", lambda: with_secret(client_id, secret))

    def client_id(self, system_id: str) -> str:
        return str(self.notes.get(f"client {system_id}"))

    def resource_id(self, system_id: str) -> str:
        return str(self.notes.get(f"resource {system_id}"))

    def secret(self, name: str) -> str | None:
        return self._memory.get(name)

    def keep(self, name: str, secret: str) -> None:
        with self._lock:
            self._memory.keep(name, secret)

    def password(self, username: str) -> str:
        """The password of somebody, chosen where there is none yet."""
        known = self._memory.get(username)
        if known is None:
            known = secrets.token_urlsafe(PASSWORD_BYTES)
            self.keep(username, known)
        return known

    def _client(self, name: str, grant: Callable[[], Grant]) -> ExchangeClient:
        with self._lock:
            if name not in self._clients:
                self.admit(name, grant())
                self.as_(name).token()
            return self.as_(name)
