"""Verify: whether a record is as the consumer expects it, and never what it is (P3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from catalog.contracts.keys import KEY_BYTES_MAX
from exchange.delivery.admission import Caller
from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.lookup import expectation
from exchange.delivery.lookup.budgets import Verdict
from exchange.delivery.lookup.door import Answer, Door, Entered
from exchange.delivery.lookup.errors import BudgetExhausted, GuessingSuspected
from exchange.delivery.lookup.lookups import Lookup, Lookups
from exchange.delivery.lookup.query import require_known
from exchange.delivery.lookup.tries import Tries, Try
from exchange.metering.quota import Reservation, seconds_left_of_today
from exchange.subscriptions.conditions import FITS, HINTS, Scalar
from kernel.errors import FieldErrors
from kernel.secretbox import Secretbox, mac

MODE: Final = "verify"
EXPECTED_MAX: Final = 50
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """The real key and true values of granted items, and for which matter they are asked."""

    key: str
    expect: Mapping[str, Scalar]
    matter: str
    reference: str


class Verifier:
    def __init__(self, door: Door, lookups: Lookups, tries: Tries, box: Secretbox) -> None:
        self._door = door
        self._lookups = lookups
        self._tries = tries
        self._box = box

    @cached_property
    def _hash_key(self) -> bytes:
        return self._box.derive("verify")

    async def verify(self, caller: Caller, subscription_id: str, request: VerifyRequest) -> Answer:
        """Return whether it is so; one try is charged, whatever comes of it.

        Raises 401 and 403 errors, NotFound, Invalid, QuotaExhausted, BudgetExhausted,
        GuessingSuspected, StateIncomplete, UnknownVersion and RulesChanged.
        """

        async def work(entered: Entered) -> Answer:
            check(entered.plan, request)
            return await self._verify(entered, request)

        return await self._door.through(caller, subscription_id, MODE, work)

    async def _verify(self, entered: Entered, request: VerifyRequest) -> Answer:
        door, plan = self._door, entered.plan
        reservation = await door.reserve(plan, 1)
        try:
            lookup = await self._lookups.find(plan, request.key.encode())
            require_known(door, plan, lookup)
            mismatched = _mismatched(plan, lookup, request)
            entered.admission()
            verdict = await self._tries.take(self._try(entered, request, not mismatched))
            _require(verdict)
        except BaseException:
            door.give_back(reservation, 1)
            raise
        return self._answer(entered, mismatched, reservation)

    def _try(self, entered: Entered, request: VerifyRequest, match: bool) -> Try:  # noqa: FBT001
        plan = entered.plan
        subject = mac(self._hash_key, b"subject", plan.grant.id.encode(), request.key.encode())
        reference = mac(self._hash_key, b"reference", request.reference.encode())
        return Try(entered.principal, plan.grant.id, subject, match, request.matter, reference)

    def _answer(
        self, entered: Entered, mismatched: list[str], reservation: Reservation | None
    ) -> Answer:
        told: dict[str, object] = {"match": not mismatched}
        if entered.plan.grant.detail:
            told["mismatched"] = mismatched
        body = encode(told)
        return self._door.answer(entered, body, reservation, 1, [])


def check(plan: GrantPlan, request: VerifyRequest) -> None:
    """Raise Invalid for what cannot be asked of the grant, whatever the records are."""
    errors = FieldErrors()
    if len(request.key.encode()) > KEY_BYTES_MAX:
        errors.add("key", "too_long", "主键过长", "the key is too long")
    view = plan.projection.view(plan.version)
    names = {item.granted: item.name for item in view.items}
    fields = {field.name: field for field in view.fields}
    for item, value in request.expect.items():
        field = fields.get(names.get(item, ""))
        if item not in plan.grant.items or field is None:
            zh, en = f"授权不包括信息项 {item}", f"{item} is not granted"
            errors.add(f"expect.{item}", "unknown_item", zh, en)
        elif not FITS[field.data_type](value):
            hint = HINTS.get(field.data_type, ("", ""))
            zh = f"须为 {field.data_type} 类型的值{hint[0]}"
            en = f"must be a value of type {field.data_type}{hint[1]}"
            errors.add(f"expect.{item}", "wrong_type", zh, en)
    keys = {field.name for field in view.key_items}
    if not {item for item in request.expect if names.get(item) not in keys}:
        zh, en = "除主键外至少核验一个信息项", "expect one item at least that is not of the key"
        errors.add("expect", "too_short", zh, en)
    errors.raise_if_any()


def _mismatched(plan: GrantPlan, lookup: Lookup, request: VerifyRequest) -> list[str]:
    row = lookup.record
    version = plan.version if row is None else row.version
    asked = expectation.comparisons(plan.projection.view(version), request.expect)
    return asked.mismatched(expectation.NOTHING if row is None else row.value)


def _require(verdict: Verdict) -> None:
    if verdict is Verdict.GUESSING:
        raise GuessingSuspected
    if verdict is not Verdict.ANSWERED:
        raise BudgetExhausted(str(verdict), seconds_left_of_today())
