"""Wire shapes of a trial: what publishing would say of records."""

from itertools import islice
from operator import not_

from pydantic import Field

from catalog.contracts.checked import Checked
from kernel.errors import REPORTED_ERRORS_MAX
from kernel.wire import Wire


class RecordError(Wire):
    index: int | None
    path: str
    code: str
    message: str
    allowed: list[str] = Field(default=[], exclude_if=not_)


class DryRun(Wire):
    """How many records would be accepted and rejected, with the first 100 reasons."""

    valid: int
    invalid: int
    errors: list[RecordError]
    error_count: int


def dry_run(checked: Checked, *, english: bool) -> DryRun:
    return DryRun(
        valid=checked.records - len(checked.rejected),
        invalid=len(checked.rejected),
        errors=[
            RecordError(
                index=error.index,
                path=error.path,
                code=error.code,
                message=error.en if english else error.zh,
                allowed=list(error.allowed),
            )
            for error in islice(checked.errors(), REPORTED_ERRORS_MAX)
        ],
        error_count=checked.error_count,
    )
