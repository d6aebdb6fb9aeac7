"""A world for tests: people, departments, resources, grants, all made through the public API."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx

from kernel.clock import now
from kernel.identifiers import make_uscc
from kernel.workdays import local_date
from tests.support.callers import Caller, ClientApp, Person, Recruit, Refused
from tests.support.callers import told as answered

__all__ = ["Caller", "ClientApp", "Department", "Person", "Refused", "Sharing", "World"]

REGION = "450000"
USCC_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ALL_SCOPES = ("catalog:read", "records:publish", "records:read")
# Fields of an item that are told only where they say something.
SAID = ("searchable", "refers_to", "unmasked_reason")
REVIEW = {"passed": True, "by": "保密办", "date": "2026-01-05"}
FAR = date(2098, 12, 31)
FAR_ORDER = local_date(now()) + timedelta(days=300)
Json = dict[str, Any]


@dataclass(frozen=True)
class Department:
    """An organisation with its own people; `authority` may act only where the flag is set."""

    uscc: str
    name: str
    region: str
    clerk: Person
    head: Person
    authority: Person


@dataclass(frozen=True)
class Sharing:
    """A published resource, who publishes into it, and a subscription of another department."""

    provider: Department
    publisher: ClientApp
    resource: str
    consumer: Department
    subscriber: ClientApp
    subscription: str


def unique(prefix: str = "") -> str:
    """A name that nobody else has: 60 random bits."""
    return prefix + "".join(secrets.choice(USCC_LETTERS) for _ in range(12))


class World:
    """Make what a story needs; every name is new, so that stories never meet.

    `operator`, `security`, `auditor` and `authority` are people of the platform; `authority`,
    `clerk` and `head` belong to the authority of region 450000.
    """

    def __init__(self, http: httpx.AsyncClient, told: Mapping[str, Any]) -> None:
        self.http = http
        self.base_url = str(http.base_url).rstrip("/")
        fewest_roles_last = sorted(told["people"], key=lambda each: -len(each["roles"]))
        people = {role: person for person in fewest_roles_last for role in person["roles"]}
        signed = {role: self.person(each) for role, each in people.items()}
        self.operator, self.security = signed["operator"], signed["security"]
        self.auditor, self.authority = signed["auditor"], signed["authority"]
        self.clerk, self.head = signed["clerk"], signed["head"]
        self.authority_department: str = people["authority"]["department"]
        self._standard = ""
        self._standard_lock = asyncio.Lock()
        self._lent: dict[str, asyncio.Task[str]] = {}
        self._usual: asyncio.Task[list[Json]] | None = None
        self._providers: dict[str, Department] = {}

    @classmethod
    @asynccontextmanager
    async def begin(
        cls, base_url: str, settings: Mapping[str, str], credentials: Path
    ) -> AsyncIterator["World"]:
        """Seed the first people and open a connection pool to the gateway."""
        from deploy.local.seed import seed  # noqa: PLC0415 - unit tests need no seed

        await asyncio.to_thread(seed, settings, credentials)
        told = json.loads(await asyncio.to_thread(credentials.read_text))
        async with httpx.AsyncClient(base_url=base_url, timeout=120) as http:
            yield cls(http, told)

    def person(self, credentials: Mapping[str, Any], scope: str | None = None) -> Person:
        """Somebody who signs in when first asked for something."""
        return Person(self.http, credentials["username"], credentials["password"], scope)

    async def new_person(self, department: str, *roles: str) -> Person:
        """Somebody new who can sign in."""
        person = self.recruit(department, *roles)
        await person.register()
        return person

    def recruit(self, department: str, *roles: str) -> Recruit:
        """Somebody new, registered when first asked for something."""
        credentials = {"username": unique("u"), "password": secrets.token_urlsafe(12)}
        return Recruit(self.security, credentials, name="韦某", department=department, roles=roles)

    async def department(
        self, region: str = REGION, *, authority: bool = False, name: str = ""
    ) -> Department:
        """Register a department with a fictitious, valid code, its clerk and its head."""
        uscc = make_uscc("1", "1", region[:6], unique()[:8])
        name = name or unique("部门")
        body = {"uscc": uscc, "name": name, "region_code": region, "authority": authority}
        await self.operator.ask("POST", "/v1/departments", body)
        people = (self.recruit(uscc, role) for role in ("clerk", "head", "authority"))
        return Department(uscc, name, region, *people)

    async def standard(self) -> str:
        """The code of a standard, the same within this world."""
        async with self._standard_lock:
            if not self._standard:
                body = {"code": unique("GB/T "), "title": "测试标准"}
                made = await self.authority.ask("POST", "/v1/standards", body)
                self._standard = made["code"]
        return self._standard

    async def code_list(self, *values: str) -> str:
        """Register a code list whose one edition holds the values."""
        code, standard = unique("CL-"), await self.standard()
        body = {"code": code, "name": "测试代码集", "standard": standard}
        await self.authority.ask("POST", "/v1/code-lists", body)
        items = [{"value": value, "name": value} for value in values]
        edition = {"edition": "1", "effective_from": "2020-01-01", "items": items}
        await self.authority.ask("POST", f"/v1/code-lists/{code}/editions", edition)
        return code

    async def element(self, data_type: str = "string", **fields: Any) -> str:  # noqa: ANN401
        """Register an element; `fields` override or add any of `api.md`."""
        body = {
            "code": unique("DE-"),
            "name": unique("测试数据元"),
            "definition": "测试所用",
            "data_type": data_type,
            "standard": await self.standard(),
            "sensitivity": 1,
            "personal": False,
            **fields,
        }
        made: Json = await self.authority.ask("POST", "/v1/elements", body)
        return str(made["code"])

    async def source(
        self, department: Department, element: str, region: str = "", *, designate: bool = True
    ) -> str:
        """Claim the element for the department's region, and have it designated."""
        body = {"region_code": region or department.region, "legal_basis": "桂政发〔2016〕59号"}
        path = f"/v1/elements/{element}/sources"
        claimed: Json = await department.head.ask("POST", path, body)
        if designate:
            await self.authority.ask("POST", f"/v1/sources/{claimed['id']}/designate")
        return str(claimed["id"])

    async def lend(self, element: str) -> str:
        """Make the authority's department the source: everybody may refer to the element."""
        if element not in self._lent:
            self._lent[element] = asyncio.create_task(self._designated(element))
        await self._lent[element]
        return element

    async def _designated(self, element: str) -> str:
        body = {"region_code": REGION, "legal_basis": "桂政发〔2016〕59号"}
        claimed = await self.head.ask("POST", f"/v1/elements/{element}/sources", body)
        await self.authority.ask("POST", f"/v1/sources/{claimed['id']}/designate")
        return str(claimed["id"])

    async def items(self, *wanted: Mapping[str, Any]) -> list[Json]:
        """Complete items: each names an `element`, or `data_type` and constraints of a new one.

        Items refer to elements that are lent, unless their `role` is `source`.
        """
        return list(await asyncio.gather(*(self._item(item) for item in wanted)))

    async def _item(self, wanted: Mapping[str, Any]) -> Json:
        own = ("name", "label", "element", "required", "key", "role", "mask", *SAID)
        constraints = {name: value for name, value in wanted.items() if name not in own}
        key, role = wanted.get("key", False), wanted.get("role", "reference")
        element = wanted.get("element") or await self.element(**constraints)
        return {
            "name": wanted["name"],
            "label": wanted.get("label", wanted["name"]),
            "element": element if role == "source" else await self.lend(element),
            "required": wanted.get("required", key),
            "key": key,
            "role": role,
            "mask": wanted.get("mask"),
            **{name: wanted[name] for name in SAID if name in wanted},
        }

    async def usual_items(self) -> list[Json]:
        """`id` (string, the key), `name` (string, required), `amount` (integer).

        Their elements are the same within this world.
        """
        if self._usual is None:
            wanted = self.items(
                {"name": "id", "key": True, "max_length": 64},
                {"name": "name", "required": True, "max_length": 200},
                {"name": "amount", "data_type": "integer"},
            )
            self._usual = asyncio.create_task(wanted)
        return [dict(item) for item in await self._usual]

    async def entry(self, department: Department, items: Sequence[Mapping[str, Any]]) -> Json:
        """A complete entry as a clerk sends it, unconditional, shared in five modes."""
        return {
            "name": unique("资源"),
            "abstract": "测试所用的政务数据资源",
            "class_code": "101001",
            "region_code": department.region,
            "format": 3,
            "update_cycle": "daily",
            "share_type": "unconditional",
            "share_modes": ["pull", "push", "query", "verify", "table"],
            "open_type": "closed",
            "grade": 1,
            "items": await self.items(*items) if items else await self.usual_items(),
            "reviews": {"secrecy": REVIEW, "privacy": REVIEW},
        }

    async def resource(
        self,
        department: Department,
        items: Sequence[Mapping[str, Any]] = (),
        *,
        publish: bool = True,
        partitions: int = 1,
        **fields: Any,  # noqa: ANN401 - fields of the entry
    ) -> str:
        """Draft a resource, and take it through review to publication; the usual items if none."""
        entry = await self.entry(department, items) | {"partitions": partitions, **fields}
        made: Json = await department.clerk.ask("POST", "/v1/resources", entry)
        self._providers[made["id"]] = department
        if publish:
            await self.publish(made["id"])
        return str(made["id"])

    def adopt(self, resource: str, provider: Department) -> None:
        """Let `publish` and `subscription` act for a resource that another world has made."""
        self._providers[resource] = provider

    async def publish(self, resource: str) -> None:
        """Take a draft, first or revised, through review to publication."""
        await self.approve(resource)
        await self.authority.ask("POST", f"/v1/resources/{resource}/publish")

    async def approve(self, resource: str) -> None:
        """Take a draft, first or revised, through review to its approval."""
        signed = {"leader_name": "黄某", "signed_on": "2026-01-06"}
        head, path = self._providers[resource].head, f"/v1/resources/{resource}"
        await head.ask("POST", f"{path}/submit", signed)
        await self.authority.ask("POST", f"{path}/approve")

    async def client(self, department: Department, scopes: Sequence[str] = ALL_SCOPES) -> ClientApp:
        body = {"name": unique("系统"), "department": department.uscc, "scopes": list(scopes)}
        made = await department.head.ask(
            "POST", "/v1/clients", {**body, "auth_method": "client_secret_basic"}
        )
        return ClientApp(self.http, department.uscc, made)

    async def application(
        self,
        resource: str,
        consumer: Department,
        client: ClientApp,
        *,
        items: Sequence[str] | None = None,
        mode: str = "pull",
        **fields: Any,  # noqa: ANN401 - row_filter, valid_until, records_per_day …
    ) -> str:
        """Draft an application by the consumer's clerk, for every item unless some are named."""
        if items is None:
            shown = await consumer.clerk.ask("GET", f"/v1/resources/{resource}")
            items = [item["name"] for item in shown["items"]]
        body = {
            "resource_id": resource,
            "client_id": client.id,
            "items": list(items),
            "mode": mode,
            "basis": "政务数据共享条例",
            "scenario": "测试场景",
            "scope": "本部门",
            "valid_until": FAR.isoformat(),
            "commitment": True,
            **{name: value for name, value in fields.items() if value is not None},
        }
        made: Json = await consumer.clerk.ask("POST", "/v1/applications", body)
        return str(made["id"])

    async def subscription(
        self,
        resource: str,
        consumer: Department,
        client: ClientApp,
        *,
        unmasked: Sequence[str] | None = None,
        agreed: Mapping[str, Any] | None = None,
        **asked: Any,  # noqa: ANN401 - items, mode, row_filter, valid_until, records_per_day …
    ) -> str:
        """Apply, sign and agree; `agreed` narrows, `asked` is what `application` takes."""
        application = await self.application(resource, consumer, client, **asked)
        path = f"/v1/applications/{application}"
        await consumer.head.ask("POST", f"{path}/sign")
        said = dict(agreed or {}) | ({} if unmasked is None else {"unmasked": list(unmasked)})
        return await self.agreed(self._providers[resource], application, said)

    async def agreed(
        self, provider: Department, application: str, said: Mapping[str, Any] | None = None
    ) -> str:
        """Let the provider agree to an application that is signed, and return the subscription."""
        path = f"/v1/applications/{application}/agree"
        answer = await provider.head.post(path, said or {})
        # A busy machine folds the latest state later than the platform waits for it.
        while answer.status_code == 409 and "retry-after" in answer.headers:
            answer = await provider.head.post(path, said or {})
        return str(answered(answer)["subscription_id"])

    async def demand(
        self,
        demander: Department,
        *,
        submit: bool = True,
        **fields: Any,  # noqa: ANN401 - fields of the demand
    ) -> str:
        """Draft a demand of the department for data of region 450000, and submit it."""
        said = dict.fromkeys(("title", "description", "basis", "scenario"), "测试")
        body = {**said, "items": ["姓名"], "region_code": REGION, **fields}
        made: Json = await demander.clerk.ask("POST", "/v1/demands", body)
        if submit:
            await demander.head.ask("POST", f"/v1/demands/{made['id']}/submit")
        return str(made["id"])

    async def order(
        self, department: Department, *violations: str, due_on: date = FAR_ORDER
    ) -> str:
        """Let the authority of region 450000 order a department to remedy violations."""
        body = {
            "department": department.uscc,
            "violations": list(violations or ("use_not_recorded",)),
            "text": "请限期整改",
            "due_on": due_on.isoformat(),
        }
        made: Json = await self.authority.ask("POST", "/v1/orders", body)
        return str(made["id"])

    async def sharing(
        self,
        items: Sequence[Mapping[str, Any]] = (),
        *,
        partitions: int = 1,
        granted: Sequence[str] | None = None,
        **asked: Any,  # noqa: ANN401 - what `subscription` takes
    ) -> Sharing:
        """Two departments, a published resource of one, a subscription of the other.

        `granted` names the items that are applied for, all of them unless given.
        """
        provider, consumer = await asyncio.gather(self.department(), self.department())
        publisher, subscriber, resource = await asyncio.gather(
            self.client(provider),
            self.client(consumer),
            self.resource(provider, items, partitions=partitions),
        )
        subscription = await self.subscription(
            resource, consumer, subscriber, items=granted, **asked
        )
        return Sharing(provider, publisher, resource, consumer, subscriber, subscription)
