"""What the plans of grants tell by their work, and what they leave behind."""

from types import SimpleNamespace
from typing import Any

import pytest

from exchange.delivery.grant_plans import GrantPlans
from kernel.errors import NotFound


def plans_with(plan: Any) -> tuple[GrantPlans, list[str]]:  # noqa: ANN401
    """Return plans that know one grant, and the grants that the database is asked for."""
    plans, asked = GrantPlans(None, None), list[str]()  # type: ignore[arg-type]
    plans._cache._values[plan.grant.id] = plan

    async def submit(subscription_id: str) -> Any:  # noqa: ANN401
        asked.append(subscription_id)
        return plan if subscription_id == plan.grant.id else None

    plans._grants = SimpleNamespace(submit=submit)  # type: ignore[assignment]
    return plans, asked


def a_plan(subscription_id: str) -> Any:  # noqa: ANN401
    grant = SimpleNamespace(id=subscription_id, client_id="own", resource_id="r")
    return SimpleNamespace(grant=grant)


async def test_a_foreign_subscription_costs_what_an_unknown_one_does() -> None:
    """A cached foreign one was refused in 1.0 ms, an unknown one in 3.2 (A21)."""
    plans, asked = plans_with(a_plan("cached"))
    for subscription_id in ("cached", "unknown"):
        with pytest.raises(NotFound):
            await plans.of(subscription_id, "another")
    assert asked == ["cached", "unknown"]
    assert (await plans.of("cached", "own")).grant.id == "cached"
    assert asked == ["cached", "unknown"]


def test_what_is_kept_by_resource_goes_with_the_plan() -> None:
    """Only the plans were bounded; the table beside them kept every subscription (C26)."""
    plans, _asked = plans_with(a_plan("s"))
    plans._by_resource["r"] = {"s", "t"}
    plans.drop("s")
    assert plans._by_resource == {"r": {"t"}}
    plans._cache._values["t"] = a_plan("t")
    plans.drop("t")
    assert plans._by_resource == {}
