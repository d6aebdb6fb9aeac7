"""Where things have their pages."""

from collections.abc import Mapping
from typing import Final

PLACES: Final[Mapping[str, str]] = {
    "resource": "/console/catalogue/",
    "element": "/console/sources/",
    "source": "/console/claims/",
    "application": "/console/applications/",
    "bundle": "/console/bundles/",
    "subscription": "/console/subscriptions/",
    "dispute": "/console/disputes/",
    "demand": "/console/demands/",
    "correction": "/console/corrections/",
    "order": "/console/orders/",
    "client": "/console/clients/",
    "department": "/console/departments/",
    "delegation": "/console/delegations/",
    "person": "/console/people/",
}


def place(thing: str, thing_id: str) -> str:
    """Return the address of a thing, empty where its kind has no page."""
    return f"{PLACES[thing]}{thing_id}" if thing in PLACES else ""
