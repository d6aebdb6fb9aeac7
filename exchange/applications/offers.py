"""What the catalogue offers to an applicant: the published version of one resource."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth import clients, departments
from auth.principal import Principal
from catalog import versions
from catalog.contracts.model import Field
from catalog.entries import ShareType
from exchange.errors import NotShareable
from kernel.database import ReadSession
from kernel.errors import Conflict, NotFound, ShuyuanError


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """`conditions` are those of the published version, the only ones that count (Art 15)."""

    resource_id: str
    version: int
    department: str
    region_code: str
    standing_consent: bool
    share_type: str
    modes: tuple[str, ...]
    fields: Mapping[str, Field]
    elements: Mapping[str, str]
    masks: Mapping[str, Mapping[str, Any]]
    conditions: Mapping[str, Any]

    @property
    def is_unconditional(self) -> bool:
        return self.share_type == ShareType.UNCONDITIONAL


async def offered(session: ReadSession, resource_id: str) -> Offer:
    """Raise NotFound, Conflict `resource_not_published` or NotShareable."""
    entry = await versions.entry(session, resource_id)
    if entry.share_type == ShareType.NONE:
        raise NotShareable
    provider = await departments.load(session, entry.department)
    return Offer(
        resource_id=resource_id,
        version=entry.version,
        department=entry.department,
        region_code=provider.region_code,
        standing_consent=provider.standing_consent,
        share_type=entry.share_type,
        modes=entry.share_modes,
        fields=entry.items,
        elements=entry.elements,
        masks=entry.masks,
        conditions={
            "share_conditions": entry.share_conditions,
            "share_scope": entry.share_scope,
            "share_purposes": entry.share_purposes,
        },
    )


class Offers:
    """What many lines ask about, each looked up once: offers and the caller's own clients."""

    def __init__(self, session: ReadSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self._offers: dict[str, Offer | ShuyuanError] = {}
        self._clients: dict[str, ShuyuanError | None] = {}

    async def of(self, resource_id: str) -> Offer:
        """Return the offer; raises what `offered` raises, each time."""
        if resource_id not in self._offers:
            try:
                self._offers[resource_id] = await offered(self.session, resource_id)
            except ShuyuanError as error:
                self._offers[resource_id] = error
        known = self._offers[resource_id]
        if isinstance(known, ShuyuanError):
            raise known
        return known

    async def require_own_client(self, client_id: str) -> None:
        """Raise what `require_own_client` raises, each time."""
        if client_id not in self._clients:
            try:
                await require_own_client(self.session, self.principal, client_id)
            except ShuyuanError as error:
                self._clients[client_id] = error
            else:
                self._clients[client_id] = None
        refusal = self._clients[client_id]
        if refusal is not None:
            raise refusal


async def require_own_client(session: ReadSession, principal: Principal, client_id: str) -> None:
    """Raise NotFound for another department's application system as for a missing one."""
    client = await clients.load(session, client_id)
    if client is None or client.department != principal.department:
        raise NotFound(
            "找不到本部门的该应用系统；请先登记应用系统（client_id）",
            "Your department has no such application system; register the client first",
        )
    if client.status != "active":
        raise Conflict(
            "该应用系统已被暂停，恢复后再申请",
            "The application system is suspended; resume it before applying",
        )
