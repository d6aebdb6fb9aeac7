"""docs/audit-events.md names every event of the closed lists, and no other."""

from auth.events import AuthEvent
from catalog.events import CatalogEvent
from exchange.events import ExchangeEvent
from kernel.audit import ANCHORED
from kernel.audit_archive import ARCHIVED
from kernel.audit_verification import BROKEN, VERIFIED
from kernel.jobs import CANCELLED, QUEUED
from kernel.master_key import REENCRYPTED
from tests.docs.pages import quoted, rows, text

OF_THE_KERNEL = [ANCHORED, ARCHIVED, VERIFIED, BROKEN, REENCRYPTED, QUEUED, CANCELLED]
IN_CODE = [*AuthEvent, *CatalogEvent, *ExchangeEvent, *OF_THE_KERNEL]
TABLE = [quoted(row["event"]) for row in rows(text("audit-events.md"), "event")]


def test_the_page_names_every_event_and_no_other() -> None:
    assert sorted(TABLE) == sorted(str(event) for event in IN_CODE)


def test_no_event_has_two_meanings() -> None:
    assert len(IN_CODE) == len(set(IN_CODE))
