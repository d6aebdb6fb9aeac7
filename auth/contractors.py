"""Contractors that run a department's systems (Order 809 Art 36; Data Security Law Art 40)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from auth.principal import Principal, Role
from auth.rules import check_uscc
from kernel.errors import FieldErrors
from kernel.workdays import local_date

OPERATED_BY = "operated_by"


def approved(
    principal: Principal, department: str, operated_by: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """Return the columns that say who runs a client, and that the caller approves of it.

    Only the head of the client's own department does. Raises RoleRequired, NotYourDepartment,
    Invalid for a code that is none and a contract that has ended.
    """
    principal.require_role(Role.HEAD)
    principal.require_department(department)
    if operated_by is None:
        return {OPERATED_BY: None, "operator_approved_by": None, "operator_approved_at": None}
    _check(operated_by, now)
    said = {**operated_by, "contract_until": str(operated_by["contract_until"])}
    return {
        OPERATED_BY: said,
        "operator_approved_by": principal.id,
        "operator_approved_at": now,
    }


def _check(operated_by: Mapping[str, Any], now: datetime) -> None:
    errors = FieldErrors()
    check_uscc(operated_by["uscc"], errors, path=f"{OPERATED_BY}.uscc")
    until: date = operated_by["contract_until"]
    if until < local_date(now):
        errors.add(
            f"{OPERATED_BY}.contract_until", "out_of_range", "合同已经到期", "has passed already"
        )
    errors.raise_if_any()
