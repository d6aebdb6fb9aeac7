"""The world of a load test, made through the public API and kept in one private file.

Two departments with clerk, head and application system; resources to publish into, an archive to
read, a bulletin whose readers wait for news, and a register that is queried and verified. All load
tests have it; the thousands of a soak (`loadtests.soak.population`) are made by the same steps.
What every request of a kind says is in `bodies.json`.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from deploy.demo.sharing import agree
from deploy.demo.sign_in import signing_in
from deploy.local.files import read_json, write_private
from kernel.identifiers import make_uscc
from kernel.workdays import local_date
from loadtests import records
from shuyuan_client.http import ExchangeClient, with_secret

FILE = "world.json"
LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
FEEDS = 3
WAITING_SUBSCRIPTIONS = 8
REVOCABLE_SUBSCRIPTIONS = 8
# A quota that no run uses up: what is measured is that each page is counted against it.
QUOTA = 2_000_000_000
Json = dict[str, Any]
SAID: Mapping[str, Json] = read_json(Path(__file__).with_name("bodies.json"))
RATE_LIMIT, REGION = SAID["rate_limit"], SAID["entry"]["region_code"]


class Credentials(msgspec.Struct, frozen=True):
    """Of an application system (id and secret) or a person (name and password)."""

    name: str
    secret: str

    def client(self, base_url: str) -> ExchangeClient:
        """Return the client of a system."""
        return ExchangeClient(base_url, with_secret(self.name, self.secret))

    def token(self, base_url: str) -> str:
        with self.client(base_url) as client:
            return client.token()


class Department(msgspec.Struct, frozen=True):
    """A department, its people, and its application system."""

    uscc: str
    clerk: Credentials
    head: Credentials
    system: Credentials


class World(msgspec.Struct, frozen=True):
    """Two departments, what one publishes and the other may read.

    Of the archive `whole` shows all items, `masked` six of twelve with two masks, `limited` the
    same under a quota; `revocable` are suspended. `queried` and `verified` answer from the latest
    state of the register, `downloaded` takes it as a file, `called` asks the service mounted there.
    The outbox is `pushed`, the archive's tail `landed` in tables.
    """

    base_url: str
    provider: Department
    user: Department
    feeds: list[str]
    archive: str
    whole: str
    masked: str
    limited: str
    revocable: list[str]
    bulletin: str
    waiting: list[str]
    register: str
    queried: str
    verified: str
    downloaded: str
    called: str
    outbox: str
    pushed: str
    landed: str

    @property
    def publisher(self) -> Credentials:
        return self.provider.system

    @property
    def consumer(self) -> Credentials:
        return self.user.system

    @property
    def subscriptions(self) -> list[str]:
        pulled = (self.whole, self.masked, self.limited, *self.revocable, *self.waiting)
        by_register = (self.queried, self.verified, self.downloaded, self.called)
        return [*pulled, *by_register, self.pushed, self.landed]

    @property
    def resources(self) -> list[str]:
        return [*self.feeds, self.archive, self.bulletin, self.register, self.outbox]

    def write(self, path: Path) -> None:
        write_private(path, msgspec.json.encode(self).decode())

    def client(self, who: Credentials) -> ExchangeClient:
        return who.client(self.base_url)

    def person(self, who: Credentials) -> ExchangeClient:
        return signed_in(self.base_url, who)


def read(path: Path) -> World:
    return msgspec.json.decode(path.read_bytes(), type=World)


def staff_logins(credentials: Path) -> Mapping[str, Credentials]:
    """Return who signs in for each role, of the people whom the local platform has seeded."""
    return {
        role: Credentials(person["username"], person["password"])
        for person in read_json(credentials)["people"]
        for role in person["roles"]
    }


def signed_in(base_url: str, who: Credentials) -> ExchangeClient:
    """Return the client of a person."""
    return ExchangeClient(base_url, signing_in(who.name, who.secret))


@contextmanager
def under_usual_limits(base_url: str, credentials: Path, who: Credentials) -> Iterator[None]:
    """Take a system's own rate limit away for a while."""
    with signed_in(base_url, staff_logins(credentials)["operator"]) as operator:
        limit(operator, who.name, None)
        try:
            yield
        finally:
            limit(operator, who.name, RATE_LIMIT)


def limit(operator: ExchangeClient, client_id: str, told: Json | None) -> None:
    path, headers = f"/v1/clients/{client_id}", {"If-Match": "*"}
    operator.ask("PATCH", path, {"rate_limit": told}, headers=headers)


def seed(base_url: str, credentials: Path, feeds: int = FEEDS) -> World:
    """Build a world of new names, as the people whom the local platform has seeded."""
    with ExitStack() as clients:
        return Seeding(base_url, credentials, clients).world(feeds)


def clear(world: World, credentials: Path) -> None:
    """End what a world registered: grants, entries, systems and departments; the audit log stays.

    Its departments are abolished, so that its sources end and nobody signs in for it any more:
    what was received is disposed of first (ADR 0053).
    """
    with ExitStack() as clients:
        seeding = Seeding(world.base_url, credentials, clients)
        staff, provider, user = seeding.staff, world.provider.head, world.user.head
        said, ended = {"reason": "压测结束"}, {"status": "abolished"}
        today = local_date(datetime.now(UTC)).isoformat()
        for subscription in world.subscriptions:
            path = f"/v1/subscriptions/{subscription}"
            staff["authority"].ask("POST", f"{path}/terminate", said)
            disposed = {"method": "删除", "done_on": today}
            seeding.person(user).ask("POST", f"{path}/disposal", disposed)
            seeding.person(provider).ask("POST", f"{path}/disposal/confirm", {})
        for resource in world.resources:
            staff["authority"].ask("POST", f"/v1/resources/{resource}/retire", said)
        for department in (world.provider, world.user):
            path, headers = f"/v1/departments/{department.uscc}", {"If-Match": "*"}
            staff["operator"].ask("PATCH", path, ended, headers=headers)


class Seeding:
    """Takes every step as whoever may: the platform's staff, or a department's own people."""

    def __init__(self, base_url: str, credentials: Path, clients: ExitStack) -> None:
        self.base_url = base_url
        self._clients, self._people = clients, dict[Credentials, ExchangeClient]()
        self._mark = unique(6)
        logins = staff_logins(credentials)
        roles = ("operator", "security", "authority")
        self.staff = {role: self.person(logins[role]) for role in roles}

    def person(self, login: Credentials) -> ExchangeClient:
        """Return who signs in like this; the same one again for the same person."""
        if login not in self._people:
            self._people[login] = self._clients.enter_context(signed_in(self.base_url, login))
        return self._people[login]

    def world(self, feeds: int) -> World:
        provider, consumer = self.department("报送单位"), self.department("使用单位")
        items = self.items(provider)
        archive, bulletin, register, outbox = (self.resource(provider, items) for _ in range(4))
        for department in (provider, consumer):
            path = f"/v1/departments/{department.uscc}/networks"
            self.staff["security"].ask("PUT", path, {"cidrs": ["127.0.0.0/8"]})

        def grant(resource: str, shown: Sequence[str], mode: str = "pull", **more: Any) -> str:  # noqa: ANN401 - JSON
            asked = {"resource_id": resource, "items": shown, "mode": mode, **more}
            lifted = [] if shown is records.NARROW else [i for i in records.MASKS if i in shown]
            return self.subscription(asked, provider, consumer, lifted)

        every = tuple(records.ITEMS)
        return World(
            base_url=self.base_url,
            provider=provider,
            user=consumer,
            feeds=[self.resource(provider, items) for _ in range(feeds)],
            archive=archive,
            whole=grant(archive, every),
            masked=grant(archive, records.NARROW),
            limited=grant(archive, records.NARROW, records_per_day=QUOTA),
            revocable=[grant(archive, records.NARROW) for _ in range(REVOCABLE_SUBSCRIPTIONS)],
            bulletin=bulletin,
            waiting=[grant(bulletin, every) for _ in range(WAITING_SUBSCRIPTIONS)],
            register=register,
            queried=grant(register, every, "query"),
            verified=grant(register, every, "verify"),
            downloaded=grant(register, every, "file"),
            called=grant(register, every, "api"),
            outbox=outbox,
            pushed=grant(outbox, every, "push"),
            landed=grant(archive, every, "table"),
        )

    def department(self, name: str) -> Department:
        uscc = make_uscc("1", "1", REGION, unique(8))
        body = {"uscc": uscc, "name": f"{name}{self._mark}", "region_code": REGION}
        self.staff["operator"].ask("POST", "/v1/departments", body | {"authority": False})
        clerk, head = (self._login(uscc, role) for role in ("clerk", "head"))
        return Department(uscc, clerk, head, self.system(uscc, head, f"{name}系统"))

    def system(self, uscc: str, head: Credentials, name: str) -> Credentials:
        """Register an application system of a department."""
        body = {"name": name, "department": uscc, **SAID["system"]}
        made = self.person(head).ask("POST", "/v1/clients", body)
        # As operations would for a system that is known to need more than the usual.
        limit(self.staff["operator"], made["client_id"], RATE_LIMIT)
        return Credentials(made["client_id"], made["client_secret"])

    def _login(self, uscc: str, role: str) -> Credentials:
        login = Credentials(f"load.{unique(10).lower()}", secrets.token_urlsafe(18))
        body = {"username": login.name, "password": login.secret, "name": "韦某"}
        path, post = "/v1/people", {"department": uscc, "roles": [role]}
        self.staff["security"].ask("POST", path, body | post)
        return login

    def items(self, provider: Department) -> list[Json]:
        """Register the elements of the twelve items, make the provider their source."""
        authority, standard = self.staff["authority"], f"LT/T {self._mark}"
        authority.ask("POST", "/v1/standards", {"code": standard, "title": "压测用标准"})
        elements = {
            name: self._element(name, dict(constraints), standard)
            for name, constraints in records.ITEMS.items()
        }
        claim = {"region_code": REGION, "legal_basis": "压测所用"}
        for element in elements.values():
            path = f"/v1/elements/{element}/sources"
            claimed = self.person(provider.head).ask("POST", path, claim)
            authority.ask("POST", f"/v1/sources/{claimed['id']}/designate")
        return [_item(name, element) for name, element in elements.items()]

    def _element(self, name: str, constraints: Json, standard: str) -> str:
        values: Sequence[str] | None = constraints.pop("values", None)
        if values is not None:
            constraints["code_list"] = self._code_list(name, values, standard)
        code = f"LT-{self._mark}-{name.upper().replace('_', '-')}"
        # Unlike those of any other run, whose resources carry the same data (ADR 0039).
        named = f"{name} {self._mark}{self._mark[::-1]}"
        body = SAID["element"] | {"code": code, "name": named, "standard": standard}
        self.staff["authority"].ask("POST", "/v1/elements", body | constraints)
        return code

    def _code_list(self, name: str, values: Sequence[str], standard: str) -> str:
        authority, code = self.staff["authority"], f"LT-{self._mark}-CL-{name.upper()}"
        body = {"code": code, "name": name, "standard": standard}
        authority.ask("POST", "/v1/code-lists", body)
        items = [{"value": value, "name": value} for value in values]
        edition = {"edition": "1", "effective_from": "2020-01-01", "items": items}
        authority.ask("POST", f"/v1/code-lists/{code}/editions", edition)
        return code

    def resource(self, provider: Department, items: Sequence[Json]) -> str:
        """Take a resource through review to publication."""
        body = SAID["entry"] | {"name": f"压测{unique(8)}", "items": items}
        made = self.person(provider.clerk).ask("POST", "/v1/resources", body)
        path, authority = f"/v1/resources/{made['id']}", self.staff["authority"]
        signed = {"leader_name": "黄某", "signed_on": "2026-01-06"}
        self.person(provider.head).ask("POST", f"{path}/submit", signed)
        authority.ask("POST", f"{path}/approve")
        authority.ask("POST", f"{path}/publish")
        return str(made["id"])

    def application(self, asked: Json, consumer: Department, system: Credentials) -> Json:
        """Apply and sign for a system; return the application as it then stands."""
        body = SAID["application"] | {"client_id": system.name} | asked
        made = self.person(consumer.clerk).ask("POST", "/v1/applications", body)
        return self.person(consumer.head).ask("POST", f"/v1/applications/{made['id']}/sign")

    def subscription(
        self, asked: Json, provider: Department, consumer: Department, lifted: Sequence[str] = ()
    ) -> str:
        """Apply, sign and agree; `lifted` are the items whose mask the provider lifts."""
        path = f"/v1/applications/{self.application(asked, consumer, consumer.system)['id']}"
        agreed = agree(self.person(provider.head), path, {"unmasked": list(lifted)})
        return str(agreed["subscription_id"])


def _item(name: str, element: str) -> Json:
    return {
        "name": name,
        "label": name,
        "element": element,
        "required": name != records.NULLABLE,
        "key": name == records.KEY,
        "role": "source",
        "mask": records.MASKS.get(name),
        "unmasked_reason": records.CLEAR_REASONS.get(name),
    }


def unique(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))
