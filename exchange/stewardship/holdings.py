"""What becomes of every column that names a department when that department is merged; pure.

A test compares these lists with the tables: whoever adds a column decides what becomes of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Holding:
    """A column whose rows go to the successor, all of them or those of a condition."""

    table: str
    column: str = "department"
    condition: str = "true"

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"

    def statement(self) -> str:
        """Return the UPDATE from `:old` to `:new`; its parts are constants of this module."""
        return (
            f"UPDATE {self.table} SET {self.column} = :new"  # noqa: S608
            f" WHERE {self.column} = :old AND {self.condition}"
        )


UNDECIDED: Final = "decided_at IS NULL"
# Of two open disputes about one thing the successor has its own (`dispute_one_open`): the other
# stays where it was, for the respondent and the authority.
UNDOUBLED: Final = """decided_at IS NULL AND (
    kind = 'version' OR status NOT IN ('open', 'replied', 'escalated', 'appealed') OR NOT EXISTS (
        SELECT FROM exchange.dispute own
        WHERE own.kind = dispute.kind AND own.about_id = dispute.about_id
            AND own.claimant_department = :new
            AND own.status IN ('open', 'replied', 'escalated', 'appealed')
    ))"""

UNENDED: Final = "ended_at IS NULL"

# What the successor said itself of a file's column stays as it said it.
UNSAID: Final = """NOT EXISTS (
    SELECT FROM exchange.upload_column own
    WHERE own.department = :new AND own.resource_id = upload_column.resource_id
        AND own.heading = upload_column.heading
    )"""

# Rows without rules of their own.
FOLLOWING: Final[tuple[Holding, ...]] = (
    # Its author's department: heads read its result.
    Holding("kernel.job"),
    # What is not decided yet goes on with the successor.
    Holding("exchange.dispute", "claimant_department", UNDOUBLED),
    Holding("exchange.dispute", "respondent_department", UNDECIDED),
    # Whoever proposed has not agreed: the other side does.
    Holding("exchange.dispute", "settlement_by", UNDECIDED),
    Holding("exchange.bundle"),
    Holding("exchange.attachment"),
    # The demand's own department, and who is to supply; what has ended stays where it was.
    Holding("exchange.demand", "department", UNENDED),
    Holding("exchange.demand", "assigned_department", UNENDED),
    # Between the two departments of a merger nothing is delegated any more.
    Holding("auth.delegation", "department", "ended_at IS NULL AND delegate <> :new"),
    Holding("auth.delegation", "delegate", "ended_at IS NULL AND department <> :new"),
    # An order is still to be answered; one that is closed was the department's of that day.
    Holding("exchange.supervision_order", "department", "closed_at IS NULL"),
    Holding("exchange.supervision_order", "authority_department", "closed_at IS NULL"),
    # The resource goes to the successor, and so do its files.
    Holding("exchange.upload_column", condition=UNSAID),
    # Those that are over too: the successor has the records and the subscriptions.
    Holding("exchange.correction", "consumer_department"),
    Holding("exchange.correction", "provider_department"),
)

# Handed over by a use case that has more to do than to write the column.
BY_RULE: Final[Mapping[str, str]] = {
    "auth.person.department": "auth/handover.py",
    "auth.client.department": "auth/handover.py",
    "auth.department.successor": "auth/handover.py",
    "catalog.resource.department": "catalog/handover.py",
    "catalog.source.department": "catalog/handover.py",
    "exchange.application.consumer_department": "exchange/stewardship/store.py",
    "exchange.application.provider_department": "exchange/stewardship/store.py",
    "exchange.subscription.consumer_department": "exchange/stewardship/store.py",
    "exchange.subscription.provider_department": "exchange/stewardship/store.py",
    "exchange.quality_sum.department": "exchange/stewardship/quality_sums.py",
}

# What happened, happened to the department of that day.
HISTORY: Final[frozenset[str]] = frozenset(
    {
        "kernel.audit_event.department",
        "kernel.refusal.department",
        # Where the old department's servers stood: security names the successor's.
        "auth.networks.department",
        # Its own mailboxes and webhook; the successor has its own.
        "exchange.notice_setting.department",
        "exchange.notice_channel.department",
        "catalog.resource_transition.department",
        "exchange.application_history.department",
        "exchange.subscription_history.department",
        "exchange.dispute.decided_department",
        "exchange.dispute_history.department",
        "exchange.demand_history.department",
        "exchange.supervision_order_history.department",
        "exchange.violation.department",
        "exchange.correction_history.department",
        "exchange.feed_reader.department",
        "exchange.publish_count.department",
        "exchange.read_count.department",
        "exchange.issued_receipt.department",
        "exchange.quarantine_batch.department",
        "exchange.department_change.department",
        "exchange.department_change.successor",
    }
)
