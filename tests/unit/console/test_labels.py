"""Every code that a state table or a body may hold has a name for people."""

from collections.abc import Iterable
from enum import StrEnum
from importlib import import_module
from pkgutil import walk_packages

import pytest

import auth
import catalog
import exchange
from auth import states as client_states
from auth.events import AuthEvent
from auth.principal import Role, Scope
from auth.regions.register import Level
from catalog import states as catalog_states
from catalog.change_notices import NoticeState
from catalog.contracts.model import Checker, DataType
from catalog.entries import ItemRole, OpenType, ShareMode, ShareType, UpdateCycle
from catalog.rules.code_maps import MapKind
from catalog.rules.compatibility import Kind
from exchange.announcements import states as announcement_states
from exchange.applications import states as application_states
from exchange.bundles import states as bundle_states
from exchange.corrections import states as correction_states
from exchange.delivery.push import deliveries
from exchange.delivery.push import states as endpoint_states
from exchange.demands import states as demand_states
from exchange.disposals import states as disposal_states
from exchange.disputes import states as dispute_states
from exchange.orders import states as order_states
from exchange.parties import Side
from exchange.stewardship.version_effects import Effect
from exchange.subscriptions import states as subscription_states
from exchange.subscriptions.conditions import Op
from exchange.supervision.figures import By
from exchange.tasks.duties import THINGS
from exchange.violations import types as violations
from gateway.api.events import TYPES as EVENT_TYPES
from gateway.checks import Check
from gateway.console.labels import NAMES
from gateway.console.places import PLACES
from kernel import audit
from kernel.jobs import Status as JobStatus

CODES: dict[str, Iterable[str]] = {
    "event": {*EVENT_TYPES, *AuthEvent, audit.ANCHORED},
    "problem": correction_states.Defect,
    "violation": violations.Type,
    "grouping": By,
    "order_side": order_states.Party,
    "correction_side": Side,
    "resource": catalog_states.State,
    "resource_action": catalog_states.Action,
    "source": catalog_states.SourceStatus,
    "decision": catalog_states.Decision,
    "application": application_states.State,
    "application_action": application_states.Action,
    "subscription": subscription_states.State,
    "subscription_action": subscription_states.Action,
    "demand": demand_states.State,
    "demand_action": demand_states.Action,
    "endpoint": endpoint_states.State,
    "endpoint_action": endpoint_states.Action,
    "delivery": deliveries.Status,
    "delivery_action": deliveries.Action,
    "answer": announcement_states.Answer,
    "effect": Effect,
    "disposal": disposal_states.State,
    "disposal_action": disposal_states.Action,
    "bundle": bundle_states.Status,
    "bundle_action": bundle_states.Action,
    "bundle_line": (*application_states.State, *bundle_states.LineStatus),
    "correction": correction_states.State,
    "correction_action": correction_states.Action,
    "dispute": dispute_states.State,
    "dispute_action": dispute_states.Action,
    "dispute_kind": dispute_states.Kind,
    "dispute_side": dispute_states.Party,
    "ruling": dispute_states.Decision,
    "op": Op,
    "demand_side": demand_states.Party,
    "notice": NoticeState,
    "job": JobStatus,
    "map": MapKind,
    "level": Level,
    "checker": Checker,
    "order": order_states.State,
    "order_action": order_states.Action,
    "client": client_states.State,
    "client_action": client_states.Action,
    "role": Role,
    "scope": Scope,
    "share_type": ShareType,
    "mode": ShareMode,
    "open_type": OpenType,
    "cycle": UpdateCycle,
    "item_role": ItemRole,
    "data_type": DataType,
    "check": Check,
    "change": Kind,
}


def tables() -> set[type[StrEnum]]:
    """The states and acts of every table of states that there is."""
    modules = [
        import_module(found.name)
        for package in (auth, catalog, exchange)
        for found in walk_packages(package.__path__, f"{package.__name__}.")
        if found.name.endswith(".states")
    ]
    return {
        value
        for module in modules
        for name, value in vars(module).items()
        if name in ("State", "Status", "Action") and issubclass(value, StrEnum)
    }


def _name(table: type[StrEnum]) -> str:
    return f"{table.__module__}.{table.__name__}"


TABLES = sorted(tables(), key=_name)


@pytest.mark.parametrize("codes", TABLES, ids=_name)
def test_every_table_of_states_is_named(codes: type[StrEnum]) -> None:
    """None can be forgotten: a table that comes later is found by itself."""
    assert any(set(codes) <= set(names) for names in NAMES.values()), codes.__module__


def test_every_thing_that_waits_has_a_name_and_a_page() -> None:
    things = {*THINGS, "resource", "source", "dispute", "demand", "correction"}
    assert sorted(things - set(NAMES["thing"])) == []
    assert sorted(things - set(PLACES)) == []


def test_every_event_is_of_a_thing_that_has_a_name() -> None:
    """An event whose thing has no title of its own was shown by its id alone."""
    things = {each.partition(".")[0] for each in EVENT_TYPES}
    assert sorted(things - set(NAMES["thing"])) == []


@pytest.mark.parametrize("kind", CODES)
def test_every_code_has_a_name(kind: str) -> None:
    assert sorted(set(map(str, CODES[kind])) - set(NAMES[kind])) == []
