"""Who did something: the one fact of a caller that the kernel knows; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a person, a client, or the system itself."""

    kind: str
    id: str
    department: str | None = None
    # The actor's own department, where it acts for another.
    delegate: str | None = None


SYSTEM = Actor("system", "shuyuan")
