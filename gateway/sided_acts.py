"""What is asked before an act that one side of a subscription may do (gateway/acts.py)."""

from collections.abc import Iterator

from auth import positions
from auth.principal import Principal
from exchange.announcements.states import ALLOWED_ROLES as ALLOWED_ANSWERS
from exchange.corrections import filing
from exchange.disposals.states import ALLOWED_ROLES as OF_DISPOSAL
from exchange.disposals.states import Action
from exchange.parties import Permitted, authorize
from exchange.subscriptions import register as subscriptions
from exchange.usage.records import WHO
from gateway.standing import Act, Standing
from kernel.database import ReadSession


def _by_side(permitted: Permitted) -> Act:
    async def look(session: ReadSession, principal: Principal, subscription_id: str) -> Standing:
        subscription = await subscriptions.find(session, principal, subscription_id)
        authorize(principal, subscription, permitted)
        return Standing(subscription.revision)

    return Act(look, positions.roles_of(permitted))


async def _objecting(session: ReadSession, principal: Principal, subscription_id: str) -> Standing:
    return Standing((await filing.received_by(session, principal, subscription_id)).revision)


def _permitted() -> Iterator[tuple[str, Permitted]]:
    yield from ALLOWED_ANSWERS.items()
    yield "usage-records", WHO
    yield "disposal", OF_DISPOSAL[Action.REPORT]
    yield "disposal/confirm", OF_DISPOSAL[Action.CONFIRM]
    yield "disposal/return", OF_DISPOSAL[Action.RETURN]


def acts() -> Iterator[tuple[str, Act]]:
    """Yield the acts by method and template."""
    for part, permitted in _permitted():
        yield f"POST /v1/subscriptions/{{subscription_id}}/{part}", _by_side(permitted)
    # The subscription's own client has no role.
    yield "POST /v1/subscriptions/{subscription_id}/corrections", Act(_objecting)
