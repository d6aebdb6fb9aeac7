"""`/v1/subscriptions/{id}/renew` and `/amend`: the same subscription goes on (section 4)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field, StrictBool

from auth.principal import Role, Scope
from exchange.applications import continuing
from gateway.api.application_shapes import ApplicationView
from gateway.api.applications import Tell
from gateway.api.sharing import Filter, Id, Items, Mode, PerDay, Prose, conditions_of
from gateway.once import Once, creating
from gateway.principal import ApplicationsWriter
from gateway.services import Writing
from kernel import clock
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

Creating = Annotated[Once, Depends(creating(Scope.APPLICATIONS_WRITE, Role.CLERK))]


class Reasons(Wire):
    """What is left out stays as it was said when the subscription was applied for."""

    basis: Prose = Field(default_factory=str)
    scenario: Prose = Field(default_factory=str)
    scope: Prose = Field(default_factory=str)
    commitment: StrictBool = Field(default_factory=bool)

    def changes(self) -> dict[str, Any]:
        sent = self.model_dump(include=self.model_fields_set)
        if "items" in sent:
            sent["items"] = tuple(sent["items"])
        return sent


class Renewal(Reasons):
    valid_until: Day


class Amendment(Reasons):
    """A filter that would hide what a consumer follows is refused (`fixed`): apply for it anew."""

    items: Items = Field(default_factory=list)
    row_filter: Filter | None = None
    records_per_day: PerDay | None = None
    mode: Mode = Field(default_factory=lambda: "pull")
    client_id: Id = Field(default_factory=str)

    def changes(self) -> dict[str, Any]:
        sent = super().changes()
        if "row_filter" in sent:
            sent["row_filter"] = conditions_of(self.row_filter)
        return sent


@router.post("/{subscription_id}/renew", status_code=201)
async def renew(
    subscription_id: str,
    body: Renewal,
    principal: ApplicationsWriter,
    session: Writing,
    once: Creating,
    tell: Tell,
) -> ApplicationView:
    """The consumer's clerk asks for more time; once agreed, the same subscription goes on."""
    now = clock.now()
    made = await continuing.renew(session, principal, subscription_id, body.changes(), now=now)
    return await once.keep(await tell.view(made, now))


@router.post("/{subscription_id}/amend", status_code=201)
async def amend(
    subscription_id: str,
    body: Amendment,
    principal: ApplicationsWriter,
    session: Writing,
    once: Creating,
    tell: Tell,
) -> ApplicationView:
    """The consumer's clerk asks for other terms of the same subscription."""
    now = clock.now()
    made = await continuing.amend(session, principal, subscription_id, body.changes(), now=now)
    return await once.keep(await tell.view(made, now))
