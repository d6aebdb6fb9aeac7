"""What a subscription's two departments agreed to, as their agreement states it (Art 20, 21)."""

from dataclasses import dataclass

from auth.principal import Principal
from exchange import store as moving
from exchange.applications.tables import Application
from exchange.subscriptions import register as subscriptions
from exchange.subscriptions.register import Subscription
from kernel.database import ReadSession


@dataclass(frozen=True, slots=True)
class Agreed:
    """`application` is the one whose terms hold: the last that renewed or amended it."""

    subscription: Subscription
    application: Application


async def find(session: ReadSession, principal: Principal, subscription_id: str) -> Agreed:
    """Raise NotFound unless the caller is a party, the authority or an auditor."""
    row = await subscriptions.find(session, principal, subscription_id)
    application_id = row.application_id
    for step in await subscriptions.history(session, subscription_id):
        application_id = step.details.get("application_id", application_id)
    return Agreed(row, await moving.get(session, Application, application_id))
