"""What `If-Match` asks of a thing that a PUT creates or changes (RFC 9110 section 13.1.1); pure."""

from dataclasses import dataclass
from typing import Final

from kernel.errors import PreconditionRequired, Stale


@dataclass(frozen=True, slots=True)
class Precondition:
    """The revisions that the caller has read; None where it named whatever there is."""

    is_given: bool
    revisions: frozenset[int] | None = None

    def check(self, present: int | None) -> None:
        """Raise PreconditionRequired for a change without one, Stale where it does not hold.

        `present` is None where the thing is created: that needs none.
        """
        if present is None:
            if self.is_given:
                raise Stale
            return
        if not self.is_given:
            raise PreconditionRequired
        if self.revisions is not None and present not in self.revisions:
            raise Stale


NONE_GIVEN: Final = Precondition(is_given=False)
