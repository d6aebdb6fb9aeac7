"""The world of a load test, made through the public API and kept in one private file.

Two departments with clerk, head and application system; resources to publish into, an archive to
read, a bulletin whose readers wait for news, and a register that is queried and verified. All load
tests have it; the thousands of a soak (`loadtests.soak.population`) are made by the same steps.
"""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from deploy.demo.sign_in import signing_in
from deploy.local.files import read_json, write_private
from kernel.identifiers import make_uscc
from loadtests import records
from shuyuan_client.http import ExchangeClient, Refused, with_secret

FILE = "world.json"
REGION = "450000"
LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
FEEDS = 3
WAITING_SUBSCRIPTIONS = 8
REVOCABLE_SUBSCRIPTIONS = 8
Json = dict[str, Any]

FOLDING_SECONDS = 60.0
# A quota that no run uses up: what is measured is that each page is counted against it.
QUOTA = 2_000_000_000
VALID_UNTIL = "2098-12-31"
REVIEW = {"passed": True, "by": "保密办（压测）", "date": "2026-01-05"}
RATE_LIMIT: Json = {
    "per_second": 100_000,
    "burst": 200_000,
    "subscription_per_second": 100_000,
    "subscription_burst": 200_000,
}
SCOPES = ("catalog:read", "records:publish", "records:read")


class Credentials(msgspec.Struct, frozen=True):
    """Of an application system (id and secret) or a person (name and password)."""

    name: str
    secret: str


class World(msgspec.Struct, frozen=True):
    """Two departments, what one publishes and the other may read.

    Of the archive `whole` shows all items, `masked` six of twelve with two masks, `limited` the
    same under a quota, `slim` three; `revocable` are suspended. `queried` and `verified` answer
    from the latest state of the register.
    """

    base_url: str
    publisher: Credentials
    consumer: Credentials
    head: Credentials
    feeds: list[str]
    archive: str
    whole: str
    masked: str
    limited: str
    slim: str
    revocable: list[str]
    bulletin: str
    waiting: list[str]
    register: str
    queried: str
    verified: str
    departments: list[str]

    @property
    def subscriptions(self) -> list[str]:
        alone = (self.whole, self.masked, self.limited, self.slim, self.queried, self.verified)
        return [*alone, *self.revocable, *self.waiting]

    @property
    def resources(self) -> list[str]:
        return [*self.feeds, self.archive, self.bulletin, self.register]

    def write(self, path: Path) -> None:
        write_private(path, msgspec.json.encode(self).decode())

    def client(self, who: Credentials) -> ExchangeClient:
        return ExchangeClient(self.base_url, with_secret(who.name, who.secret))

    def person(self, who: Credentials) -> ExchangeClient:
        return ExchangeClient(self.base_url, signing_in(who.name, who.secret))


def read(path: Path) -> World:
    return msgspec.json.decode(path.read_bytes(), type=World)


def staff_logins(credentials: Path) -> Mapping[str, Credentials]:
    """Return who signs in for each role, of the people whom the local platform has seeded."""
    return {
        role: Credentials(person["username"], person["password"])
        for person in read_json(credentials)["people"]
        for role in person["roles"]
    }


@contextmanager
def under_usual_limits(world: World, credentials: Path, who: Credentials) -> Iterator[None]:
    """Take a system's own rate limit away for a while."""
    with world.person(staff_logins(credentials)["operator"]) as operator:
        limit(operator, who.name, None)
        try:
            yield
        finally:
            limit(operator, who.name, RATE_LIMIT)


def limit(operator: ExchangeClient, client_id: str, told: Json | None) -> None:
    path, headers = f"/v1/clients/{client_id}", {"If-Match": "*"}
    operator.ask("PATCH", path, {"rate_limit": told}, headers=headers)


@dataclass(frozen=True, slots=True)
class Department:
    uscc: str
    clerk: ExchangeClient
    head: ExchangeClient
    clerk_login: Credentials
    head_login: Credentials
    system: Credentials


def seed(base_url: str, credentials: Path, feeds: int = FEEDS) -> World:
    """Build a world of new names, as the people whom the local platform has seeded."""
    with ExitStack() as clients:
        return Seeding(base_url, credentials, clients).world(feeds)


def clear(world: World, credentials: Path) -> None:
    """End what a world registered: grants, entries, systems and departments; the audit log stays.

    Its departments are abolished, so that its sources end and nobody signs in for it any more.
    """
    logins, said = staff_logins(credentials), {"reason": "压测结束"}
    with ExitStack() as clients:
        authority, operator = (
            clients.enter_context(world.person(logins[role])) for role in ("authority", "operator")
        )
        for subscription in world.subscriptions:
            authority.ask("POST", f"/v1/subscriptions/{subscription}/terminate", said)
        for resource in world.resources:
            authority.ask("POST", f"/v1/resources/{resource}/retire", said)
        for department in world.departments:
            body, headers = {"status": "abolished"}, {"If-Match": "*"}
            operator.ask("PATCH", f"/v1/departments/{department}", body, headers=headers)


class Seeding:
    def __init__(self, base_url: str, credentials: Path, clients: ExitStack) -> None:
        self.base_url = base_url
        self._clients = clients
        self._mark = unique(6)
        logins = staff_logins(credentials)
        roles = ("operator", "security", "authority")
        self.staff = {role: self.person(logins[role]) for role in roles}

    def world(self, feeds: int) -> World:
        provider, consumer = self.department("报送单位"), self.department("使用单位")
        items = self.items(provider)
        archive, bulletin, register = (self.resource(provider, items) for _ in range(3))

        def grant(resource: str, shown: Sequence[str], mode: str = "pull", **more: Any) -> str:  # noqa: ANN401 - JSON
            asked = {"resource_id": resource, "items": shown, "mode": mode, **more}
            lifted = [] if shown is records.NARROW else [i for i in records.MASKS if i in shown]
            return self.subscription(asked, provider, consumer, lifted)

        every = tuple(records.ITEMS)
        return World(
            base_url=self.base_url,
            publisher=provider.system,
            consumer=consumer.system,
            head=provider.head_login,
            feeds=[self.resource(provider, items) for _ in range(feeds)],
            archive=archive,
            whole=grant(archive, every),
            masked=grant(archive, records.NARROW),
            limited=grant(archive, records.NARROW, records_per_day=QUOTA),
            slim=grant(archive, records.SLIM),
            revocable=[grant(archive, records.NARROW) for _ in range(REVOCABLE_SUBSCRIPTIONS)],
            bulletin=bulletin,
            waiting=[grant(bulletin, every) for _ in range(WAITING_SUBSCRIPTIONS)],
            register=register,
            queried=grant(register, every, "query"),
            verified=grant(register, every, "verify"),
            departments=[provider.uscc, consumer.uscc],
        )

    def department(self, name: str) -> Department:
        uscc = make_uscc("1", "1", REGION, unique(8))
        body = {"uscc": uscc, "name": f"{name}{self._mark}", "region_code": REGION}
        self.staff["operator"].ask("POST", "/v1/departments", body | {"authority": False})
        clerk, head = (self._login(uscc, role) for role in ("clerk", "head"))
        speaker = self.person(head)
        system = self.system(uscc, speaker, f"{name}系统")
        return Department(uscc, self.person(clerk), speaker, clerk, head, system)

    def system(self, uscc: str, head: ExchangeClient, name: str) -> Credentials:
        """Register an application system of a department."""
        body = {"name": name, "department": uscc, "scopes": SCOPES}
        made = head.ask("POST", "/v1/clients", body | {"auth_method": "client_secret_basic"})
        # As operations would for a system that is known to need more than the usual.
        limit(self.staff["operator"], made["client_id"], RATE_LIMIT)
        return Credentials(made["client_id"], made["client_secret"])

    def _login(self, uscc: str, role: str) -> Credentials:
        login = Credentials(f"load.{unique(10).lower()}", secrets.token_urlsafe(18))
        body = {"username": login.name, "password": login.secret, "name": "韦某"}
        self.staff["security"].ask(
            "POST", "/v1/people", body | {"department": uscc, "roles": [role]}
        )
        return login

    def person(self, login: Credentials) -> ExchangeClient:
        client = ExchangeClient(self.base_url, signing_in(login.name, login.secret))
        return self._clients.enter_context(client)

    def items(self, provider: Department) -> list[Json]:
        """Register the elements of the twelve items, make the provider their source."""
        authority, standard = self.staff["authority"], f"LT/T {self._mark}"
        authority.ask("POST", "/v1/standards", {"code": standard, "title": "压测用标准"})
        elements = {
            name: self._element(name, dict(constraints), standard)
            for name, constraints in records.ITEMS.items()
        }
        for element in elements.values():
            self._designate(provider, element)
        return [_item(name, element) for name, element in elements.items()]

    def _designate(self, provider: Department, element: str) -> None:
        claim = {"region_code": REGION, "legal_basis": "压测所用"}
        claimed = provider.head.ask("POST", f"/v1/elements/{element}/sources", claim)
        self.staff["authority"].ask("POST", f"/v1/sources/{claimed['id']}/designate")

    def _element(self, name: str, constraints: Json, standard: str) -> str:
        values: Sequence[str] | None = constraints.pop("values", None)
        if values is not None:
            constraints["code_list"] = self._code_list(name, values, standard)
        code = f"LT-{self._mark}-{name.upper().replace('_', '-')}"
        # Unlike those of any other run, whose resources carry the same data (ADR 0039).
        named = f"{name} {self._mark}{self._mark[::-1]}"
        body = {"code": code, "name": named, "definition": "压测所用", "standard": standard}
        graded = {**body, "sensitivity": 1, "personal": False, **constraints}
        self.staff["authority"].ask("POST", "/v1/elements", graded)
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
        made = provider.clerk.ask("POST", "/v1/resources", entry(f"压测{unique(8)}", items))
        path, authority = f"/v1/resources/{made['id']}", self.staff["authority"]
        signed = {"leader_name": "黄某", "signed_on": "2026-01-06"}
        provider.head.ask("POST", f"{path}/submit", signed)
        authority.ask("POST", f"{path}/approve")
        authority.ask("POST", f"{path}/publish")
        return str(made["id"])

    def subscription(
        self, asked: Json, provider: Department, consumer: Department, lifted: Sequence[str] = ()
    ) -> str:
        """Apply, sign and agree; `lifted` are the items whose mask the provider lifts."""
        body = application(consumer.system.name) | asked
        path = f"/v1/applications/{consumer.clerk.ask('POST', '/v1/applications', body)['id']}"
        consumer.head.ask("POST", f"{path}/sign")
        return _agreed(provider.head, path, {"unmasked": list(lifted)})


def _agreed(head: ExchangeClient, path: str, said: Json) -> str:
    """Agree, once the latest state is folded where the mode needs it."""
    deadline = time.monotonic() + FOLDING_SECONDS
    while True:
        try:
            return str(head.ask("POST", f"{path}/agree", said)["subscription_id"])
        except Refused as refusal:
            if refusal.code != "state_incomplete" or time.monotonic() > deadline:
                raise
            time.sleep(1)


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


def entry(name: str, items: Sequence[Mapping[str, Any]]) -> Json:
    return {
        "name": name,
        "abstract": "压测所用的政务数据资源，内容均为虚构",
        "class_code": "101001",
        "region_code": REGION,
        "format": 3,
        "update_cycle": "realtime",
        "share_type": "unconditional",
        "share_modes": ["pull", "query", "verify"],
        "open_type": "closed",
        "grade": 1,
        "items": list(items),
        "reviews": {"secrecy": REVIEW, "privacy": REVIEW},
    }


def application(client_id: str) -> Json:
    """Return what every application says; who asks for what is to be added."""
    return {
        "client_id": client_id,
        "mode": "pull",
        "basis": "政务数据共享条例",
        "scenario": "压测",
        "scope": "本部门",
        "valid_until": VALID_UNTIL,
        "commitment": True,
    }


def unique(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))
