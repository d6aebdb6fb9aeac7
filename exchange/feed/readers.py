"""For which departments an event is; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from auth.regions.tree import covers

PARTIES: Final = (
    "consumer_department",
    "provider_department",
    "claimant_department",
    "respondent_department",
    "department",
    "assigned_department",
    "former_department",
    "delegate",
    "successor",
)
CONSUMER: Final = "consumer_department"
GUARDS: Final = "told"
"""Departments whose guards are told of an alarm."""


@dataclass(frozen=True, slots=True)
class Reader:
    department: str
    oversees: bool
    guards: bool = False


def readers_of(payload: Mapping[str, Any], authorities: Mapping[str, str]) -> Iterator[Reader]:
    """Return each department once: the parties, and the authorities over the division.

    An alarm has neither: it is for the departments that it names.

    `authorities` are divisions by department. What no head has signed is the consumer's alone.
    """
    unsigned = "submitted_at" in payload and payload["submitted_at"] is None
    named = (CONSUMER,) if unsigned else PARTIES
    parties = {payload[field] for field in named if payload.get(field)}
    for department in payload.get(GUARDS, ()):
        yield Reader(department, oversees=False, guards=True)
    for department in sorted(parties):
        yield Reader(department, oversees=False)
    region = payload.get("region_code")
    if unsigned or not region:
        return
    for department in sorted(authorities.keys() - parties):
        if covers(authorities[department], region):
            yield Reader(department, oversees=True)
