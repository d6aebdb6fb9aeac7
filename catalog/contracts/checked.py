"""What came of checking a body."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from kernel.errors import REPORTED_ERRORS_MAX, FieldError, Invalid, MalformedJson, ShuyuanError


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that broke its contract: at most 32 `errors` are listed, `error_count` says all."""

    index: int
    line: bytes
    errors: tuple[FieldError, ...]
    error_count: int


@dataclass(slots=True)
class Checked:
    """The valid records of a body in its order; `indexes` is None where all are valid."""

    lines: Sequence[bytes]
    keys: Sequence[bytes]
    records: int
    rejected: list[Rejected] = field(default_factory=list)
    indexes: list[int] | None = None

    @property
    def error_count(self) -> int:
        return sum(each.error_count for each in self.rejected)

    def errors(self) -> Iterator[FieldError]:
        return chain.from_iterable(each.errors for each in self.rejected)

    @property
    def malformed(self) -> bool:
        return any(each.errors[0].code == MalformedJson.code for each in self.rejected)

    def refusal(self) -> ShuyuanError:
        """The error for all or nothing: 400 where a line is not JSON, else 422."""
        listed = tuple(islice(self.errors(), REPORTED_ERRORS_MAX))
        if self.malformed:
            return MalformedJson(errors=listed, error_count=self.error_count)
        return Invalid(errors=listed, error_count=self.error_count)
