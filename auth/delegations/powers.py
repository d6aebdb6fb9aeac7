"""Which power an operation needs of who acts for another department; pure.

What is not listed is done by the department itself: its people, its clients, what its head alone
answers for.
"""

from typing import Final

from auth.delegations.states import Power

READ: Final = "GET"
# By the beginning of a template, the longer ones first.
POWERS: Final[tuple[tuple[str, Power], ...]] = (
    ("/v1/resources/{id}/uploads", Power.PUBLISH),
    ("/v1/resources/{resource_id}/uploads", Power.PUBLISH),
    ("/v1/resources/{resource_id}/quarantine", Power.PUBLISH),
    ("/v1/resources/{id}/quarantine", Power.PUBLISH),
    ("/v1/resources", Power.CATALOGUE),
    ("/v1/sources", Power.CATALOGUE),
    ("/v1/elements/{code}/sources", Power.CATALOGUE),
    ("/v1/catalogue/similar", Power.CATALOGUE),
    ("/v1/applications", Power.APPLY),
    ("/v1/bundles", Power.APPLY),
    ("/v1/demands", Power.APPLY),
    ("/v1/subscriptions/{subscription_id}/renew", Power.APPLY),
    ("/v1/subscriptions/{subscription_id}/amend", Power.APPLY),
    ("/v1/subscriptions/{subscription_id}/corrections", Power.CORRECT),
    ("/v1/corrections", Power.CORRECT),
)


def needed(operation: str) -> Power | None:
    """Return the power that a method and a template need; None where no power allows it."""
    template = operation.partition(" ")[2]
    for start, power in POWERS:
        if template == start or template.startswith(start + "/"):
            return power
    return None
