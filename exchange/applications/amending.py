"""What an amendment may ask for: another filter, mode or system of the subscription that goes on.

Position and cursors stay. What a narrower filter hides of that which was handed on is taken back:
the revision begins with its deletes (ADR 0051).
"""

from collections.abc import Mapping
from typing import Final

from catalog.contracts.model import Field
from exchange.applications.content import Content
from exchange.applications.narrowing import Present, Terms
from exchange.modes import FOLLOWING
from exchange.subscriptions import implied
from kernel.errors import FieldErrors

PUSH: Final = "push"
HANDING: Final = FOLLOWING | {"query", "file"}
"""Modes whose consumers may hold rows: a verify tells none, a service has its own."""


def check(asked: Content, granted: Content, first_client: str) -> None:
    """Raise Invalid (`fixed`) for each term that cannot change while the subscription goes on."""
    errors = FieldErrors()
    if PUSH in (asked.mode, granted.mode) and asked.client_id != first_client:
        errors.add(
            "client_id",
            "fixed",
            "推送端点为原应用系统所设，推送方式的共享授权不能换应用系统；请另行申请",
            "the endpoint was set for the first system: what is pushed keeps it; apply anew",
        )
    errors.raise_if_any()


def takes_back(present: Present | None, terms: Terms, fields: Mapping[str, Field]) -> bool:
    """Whether new terms may hide rows of which the consumer may hold a copy."""
    if present is None or present.mode not in HANDING:
        return False
    return bool(implied.hiding(present.row_filter, terms.row_filter, fields))
