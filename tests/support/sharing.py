"""Two departments, an authority, a client and a published resource, straight into the tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from auth.principal import Principal, Role, Scope
from auth.tables import Client, Department
from catalog import snapshots
from catalog.contracts.model import Contract, DataType, Field
from catalog.tables import Resource, ResourceVersion
from exchange.applications import agreement, apply
from exchange.applications.content import Content
from exchange.applications.tables import Application
from exchange.latest.tables import Fold
from exchange.subscriptions.conditions import Condition, Op
from kernel.database import Database
from kernel.ids import new_id

# A Wednesday; the fixed holidays of that year are far away.
NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
FIELDS = (
    Field(name="id", label="编号", data_type=DataType.STRING, required=True, key=True),
    Field(name="name", label="姓名", data_type=DataType.STRING, required=True, key=False),
    Field(name="division", label="区划", data_type=DataType.CODE, required=True, key=False),
    Field(name="amount", label="金额", data_type=DataType.INTEGER, required=False, key=False),
)
MASKS: Mapping[str, dict[str, Any]] = {
    "id": {"kind": "hash"},
    "name": {"kind": "partial", "keep_start": 1, "keep_end": 0},
}
_numbers = count(1)


def person(department: str, *roles: Role, region: str = "450000") -> Principal:
    return Principal(
        kind="person",
        id=f"person-{department[-6:]}-{'-'.join(sorted(roles))}",
        department=department,
        region_code=region,
        is_authority=Role.AUTHORITY in roles,
        roles=frozenset(roles),
        scopes=frozenset(Scope),
        token_id="token",
        expires_at=4e9,
    )


@dataclass(frozen=True)
class Sharing:
    """One consumer, one provider with one resource, and the authority over them."""

    consumer: str
    provider: str
    authority: str
    client_id: str
    resource_id: str
    clerk: Principal = field(init=False)
    head: Principal = field(init=False)
    provider_clerk: Principal = field(init=False)
    provider_head: Principal = field(init=False)
    overseer: Principal = field(init=False)
    auditor: Principal = field(init=False)
    outsider: Principal = field(init=False)

    def __post_init__(self) -> None:
        people = {
            "clerk": person(self.consumer, Role.CLERK),
            "head": person(self.consumer, Role.HEAD),
            "provider_clerk": person(self.provider, Role.CLERK),
            "provider_head": person(self.provider, Role.HEAD),
            "overseer": person(self.authority, Role.AUTHORITY),
            "auditor": person(self.authority, Role.AUDITOR),
            "outsider": person(f"outsider-{next(_numbers)}", Role.CLERK, Role.HEAD),
        }
        for name, principal in people.items():
            object.__setattr__(self, name, principal)

    def content(self, **changes: Any) -> Content:  # noqa: ANN401 - any field of Content
        usual = Content(
            client_id=self.client_id,
            items=("id", "name", "division", "amount"),
            mode="pull",
            basis="《政务数据共享条例》第二十条",
            scenario="养老待遇资格认证",
            scope="自治区本级",
            valid_until=date(2026, 12, 31),
            commitment=True,
            row_filter=(Condition("division", Op.PREFIX, "4501"),),
            records_per_day=1000,
        )
        return replace(usual, **changes)


async def sharing(
    database: Database,
    *,
    share_type: str = "conditional",
    standing_consent: bool = False,
    published: bool = True,
) -> Sharing:
    """Write a world of its own; ids are new each time."""
    number = f"{next(_numbers):04d}-{new_id()[-8:]}"
    consumer, provider, authority = f"C-{number}", f"P-{number}", f"A-{number}"
    client_id = f"client-{number}"
    async with database.transaction() as session:
        session.add(_department(consumer))
        session.add(_department(provider, standing_consent=standing_consent))
        session.add(_department(authority, authority=True))
        await session.flush()
        session.add(client(client_id, consumer))
        resource_id = new_id()
        session.add(_resource(resource_id, provider, published=published))
        await session.flush()
        session.add(_version(resource_id, share_type, published=published))
        session.add(folded(resource_id))
    return Sharing(consumer, provider, authority, client_id, resource_id)


async def resource_of(
    database: Database, department: str, *, share_type: str = "conditional"
) -> str:
    """Publish one more resource and return its id."""
    resource_id = new_id()
    async with database.transaction() as session:
        session.add(_resource(resource_id, department, published=True))
        await session.flush()
        session.add(_version(resource_id, share_type, published=True))
        session.add(folded(resource_id))
    return resource_id


async def drafted(database: Database, world: Sharing, now: datetime = NOW) -> Application:
    async with database.transaction() as session:
        return await apply.create(session, world.clerk, world.resource_id, world.content(), now=now)


async def signed(database: Database, world: Sharing, now: datetime = NOW) -> Application:
    draft = await drafted(database, world, now)
    async with database.transaction() as session:
        return await apply.sign(session, world.head, draft.id, now=now)


async def agreed(database: Database, world: Sharing, now: datetime = NOW) -> Application:
    application = await signed(database, world, now)
    async with database.transaction() as session:
        return await agreement.agree(session, world.provider_head, application.id, now=now)


async def subscribed(database: Database, world: Sharing, now: datetime = NOW) -> str:
    """Return the id of a new subscription."""
    subscription_id = (await agreed(database, world, now)).subscription_id
    assert subscription_id is not None
    return subscription_id


def folded(resource_id: str) -> Fold:
    """The one partition of a resource, folded to the end of its log by nobody who runs."""
    return Fold(
        resource_id=resource_id,
        partition=0,
        topic_id=bytes(16),
        generation=1,
        current=True,
        folded_to=0,
        unbroken_from=0,
        trimmed_to=0,
        began_at=NOW,
        caught_up_at=NOW,
        holder="test",
        leased_until=datetime(2099, 1, 1, tzinfo=UTC),
    )


def _department(
    uscc: str, *, standing_consent: bool = False, authority: bool = False
) -> Department:
    return Department(
        uscc=uscc,
        name=uscc,
        region_code="450000",
        authority=authority,
        standing_consent=standing_consent,
        created_at=NOW,
    )


def client(client_id: str, department: str) -> Client:
    """Return the row of an application system."""
    return Client(
        client_id=client_id,
        name=client_id,
        department=department,
        scopes=[Scope.RECORDS_READ],
        auth_method="client_secret_basic",
        secret_digest=b"digest",
        created_at=NOW,
    )


def _resource(resource_id: str, department: str, *, published: bool) -> Resource:
    return Resource(
        id=resource_id,
        department=department,
        region_code="450000",
        status="published" if published else "draft",
        version=1,
        published_version=1 if published else None,
        revision=1,
        created_by="clerk",
        created_at=NOW,
        updated_at=NOW,
    )


def _version(resource_id: str, share_type: str, *, published: bool) -> ResourceVersion:
    contract = Contract(resource_id=resource_id, version=1, title="测试资源", fields=FIELDS)
    return ResourceVersion(
        resource_id=resource_id,
        number=1,
        state="published" if published else "draft",
        name="测试资源",
        abstract="测试",
        class_code="301001",
        region_code="450000",
        format=3,
        update_cycle="daily",
        share_type=share_type,
        share_conditions="限养老待遇资格认证使用" if share_type == "conditional" else None,
        share_modes=["pull", "query"],
        open_type="closed",
        grade=3,
        items=[
            {
                "name": item.name,
                "key": item.key,
                "element": f"DE-{item.name}",
                "mask": MASKS.get(item.name),
            }
            for item in FIELDS
        ],
        reviews={},
        partitions=1,
        search_text="",
        contract=snapshots.dump(contract) if published else None,
        published_at=NOW if published else None,
        created_at=NOW,
    )
