"""docs/topics.md tells names, headers and messages as the code writes them."""

import re

from auth import restoration
from auth.events import AuthEvent
from catalog.events import CatalogEvent
from exchange.alarms import telling
from exchange.announcements import answering
from exchange.applications import moves
from exchange.corrections import moves as correction_moves
from exchange.demands import moves as demand_moves
from exchange.disposals import disposal
from exchange.disputes import moves as dispute_moves
from exchange.events import ExchangeEvent
from exchange.log import headers, landmarks
from exchange.log.headers import BatchFacts
from exchange.log.topics import EVENTS_TOPIC, topic_of
from exchange.orders import moves as order_moves
from exchange.subscriptions import supervision
from gateway.api.events import TYPES
from tests.docs.pages import ROOT, quoted, rows, text

PAGE = text("topics.md")
FOR_NO_DEPARTMENT = {
    AuthEvent.PERSON_CHANGED,
    AuthEvent.PASSWORD_CHANGED,
    AuthEvent.CLIENT_CHANGED,
    *restoration.MOVES,
    AuthEvent.DEPARTMENT_CHANGED,
    AuthEvent.STANDING_CONSENT_GIVEN,
    AuthEvent.STANDING_CONSENT_WITHDRAWN,
    AuthEvent.NETWORKS_CHANGED,
}
ANNOUNCED = {
    *moves.EVENTS.values(),
    *supervision.EVENTS.values(),
    *answering.EVENTS.values(),
    *correction_moves.EVENTS.values(),
    ExchangeEvent.CORRECTION_SUBMITTED,
    ExchangeEvent.CORRECTION_MARKED,
    *dispute_moves.EVENTS.values(),
    ExchangeEvent.DISPUTE_SETTLEMENT_PROPOSED,
    ExchangeEvent.DISPUTE_OPENED,
    *demand_moves.EVENTS.values(),
    *order_moves.EVENTS.values(),
    ExchangeEvent.ORDER_ISSUED,
    *FOR_NO_DEPARTMENT,
    AuthEvent.DELEGATION_PROPOSED,
    AuthEvent.DELEGATION_CONSENTED,
    AuthEvent.DELEGATION_ENDED,
    *disposal.EVENTS.values(),
    ExchangeEvent.SUBSCRIPTION_GRANTED,
    ExchangeEvent.SUBSCRIPTION_RENEWED,
    ExchangeEvent.SUBSCRIPTION_AMENDED,
    ExchangeEvent.ENDPOINT_PAUSED,
    ExchangeEvent.ENDPOINT_STOPPED,
    telling.RAISED,
    ExchangeEvent.DEADLINE_BREACHED,
    ExchangeEvent.DEADLINE_RECKONED_ANEW,
    CatalogEvent.RESOURCE_PUBLISHED,
    CatalogEvent.RESOURCE_RETIRED,
    CatalogEvent.SOURCE_DESIGNATED,
    AuthEvent.DEPARTMENT_MERGED,
    AuthEvent.DEPARTMENT_MOVED,
    CatalogEvent.SOURCE_LOST,
    CatalogEvent.SOURCE_REGAINED,
    CatalogEvent.CHANGE_NOTICED,
    CatalogEvent.UPDATE_EXTENSION_REQUESTED,
    CatalogEvent.UPDATE_EXTENSION_CONSENTED,
    CatalogEvent.REVIEWED_YEARLY,
}
# Where messages are added to the outbox, by file: a new place makes this test be read again.
PLACES = {
    "auth/delegations/register.py": 1,
    "auth/restoration.py": 1,
    "catalog/change_notices.py": 1,
    "catalog/handover.py": 1,
    "catalog/lifecycle.py": 1,
    "catalog/losses.py": 1,
    "catalog/sources.py": 1,
    "catalog/yearly_reviews.py": 1,
    "exchange/alarms/telling.py": 1,
    "exchange/announcements/answering.py": 1,
    "exchange/applications/clockwork.py": 2,
    "exchange/applications/moves.py": 2,
    "exchange/delivery/push/endpoints.py": 1,
    "exchange/demands/moves.py": 1,
    "exchange/corrections/clockwork.py": 1,
    "exchange/corrections/filing.py": 1,
    "exchange/corrections/fixing.py": 1,
    "exchange/corrections/moves.py": 2,
    "exchange/disposals/disposal.py": 1,
    "exchange/disputes/clockwork.py": 1,
    "exchange/orders/issuing.py": 1,
    "exchange/orders/moves.py": 1,
    "exchange/disputes/moves.py": 1,
    "exchange/disputes/opening.py": 1,
    "exchange/stewardship/carrying.py": 1,
    "exchange/stewardship/catalogue_clock.py": 1,
    "exchange/subscriptions/continuing.py": 1,
    "exchange/subscriptions/delivery_clock.py": 1,
    "exchange/subscriptions/granting.py": 1,
    "exchange/subscriptions/supervision.py": 1,
}


def test_topics_are_named_as_they_are() -> None:
    assert f"## Records: `{topic_of('<resource id>')}`" in PAGE
    assert f"## Events: `{EVENTS_TOPIC}`" in PAGE
    assert f"## Landmarks: `{landmarks.PREFIX}<platform>`" in PAGE


def test_the_page_names_every_header_and_no_other() -> None:
    facts = BatchFacts(1, 1, b"", "client", "correlation", b"intent", "quarantine")
    written = {name for name, _value in facts.headers()}
    assert {quoted(row["header"]) for row in rows(PAGE, "header")} == written
    named = [value for name, value in vars(headers).items() if name.isupper()]
    assert written == {value for value in named if isinstance(value, str)}


def test_the_page_names_every_message_and_no_other() -> None:
    assert {quoted(row["type"]) for row in rows(PAGE, "type")} == {str(each) for each in ANNOUNCED}


def test_each_message_can_be_asked_for_by_its_type() -> None:
    """`department.merged` was told to departments, and refused as a type to ask for."""
    assert {str(each) for each in set(ANNOUNCED) - FOR_NO_DEPARTMENT} <= TYPES


def test_messages_are_added_where_the_test_knows_of_it() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): len(re.findall(r"\boutbox\.add\(", path.read_text()))
        for package in ("auth", "catalog", "exchange", "gateway")
        for path in (ROOT / package).rglob("*.py")
    }
    assert {path: count for path, count in found.items() if count} == PLACES
    published = (ROOT / "catalog/lifecycle.py").read_text()
    actions = re.findall(r"_announce_outside\(session, resource, Action\.(\w+)", published)
    assert sorted(actions) == ["PUBLISH", "RETIRE"]
