"""Applications, with the consent of both heads; suspension and what it stops."""

import time
from collections.abc import Sequence
from datetime import timedelta

from deploy.demo.cast import AGRICULTURE, APPLICATION, CONSUMER, STATISTICS
from deploy.demo.proof import require
from deploy.demo.stage import Json, Stage, find_in
from kernel import clock
from kernel.workdays import local_date
from shuyuan_client.http import ExchangeClient, Refused

YEAR_DAYS, REMEDY_DAYS = 365, 15
# P3: suspension stops delivery within a second, on every worker.
STOP_SECONDS = 1.0
REFUSALS_IN_A_ROW = 8
FOLDING_SECONDS = 60.0
VERIFIED_FOR = {"matter": "农业经营主体登记", "reference": "演示办件 0001"}


def subscribe(
    stage: Stage, resource_id: str, client_id: str, items: Sequence[str], mode: str = "pull"
) -> Json:
    """Return an active subscription to just these items, applied for unless there is one."""
    clerk = stage.as_(AGRICULTURE.clerk)
    for status in ("active", "suspended"):
        wanted = {"items": list(items), "mode": mode, "status": status}
        filters = {"resource_id": resource_id, "client_id": client_id, "status": status}
        known = find_in(clerk, "/v1/subscriptions", wanted, **filters)
        if known is not None:
            return known if status == "active" else resume(stage, known["id"])
    return _apply(stage, resource_id, client_id, items, mode)


def _apply(stage: Stage, resource_id: str, client_id: str, items: Sequence[str], mode: str) -> Json:
    """The consumer's clerk applies, its head signs, the provider's head agrees (Art 20)."""
    clerk = stage.as_(AGRICULTURE.clerk)
    asked = {
        **APPLICATION,
        "resource_id": resource_id,
        "client_id": client_id,
        "items": list(items),
        "mode": mode,
        "valid_until": day_after(YEAR_DAYS),
    }
    path = f"/v1/applications/{clerk.ask('POST', '/v1/applications', asked)['id']}"
    stage.as_(AGRICULTURE.head).ask("POST", f"{path}/sign")
    agreed = agree(stage.as_(STATISTICS.head), path, {})
    return clerk.ask("GET", f"/v1/subscriptions/{agreed['subscription_id']}")


def agree(
    head: ExchangeClient, path: str, said: Json, *, within_seconds: float = FOLDING_SECONDS
) -> Json:
    """Let the provider's head agree, once the latest state is folded where the mode needs it."""
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            return head.ask("POST", f"{path}/agree", said)
        except Refused as refusal:
            if refusal.code != "state_incomplete" or time.monotonic() > deadline:
                raise
            time.sleep(1)


def verify(stage: Stage, subscription_id: str, key: str, name: str) -> bool:
    """Return whether the division of a code has a name, which the platform does not tell."""
    body = {"key": key, "expect": {"name": name}, **VERIFIED_FOR}
    path = f"/v1/subscriptions/{subscription_id}/verify"
    return bool(stage.as_(CONSUMER.name).ask("POST", path, body)["match"])


def resume(stage: Stage, subscription_id: str) -> Json:
    head = stage.as_(STATISTICS.head)
    return head.ask("POST", f"/v1/subscriptions/{subscription_id}/resume")


def suspend(stage: Stage, subscription_id: str) -> None:
    """The provider's head suspends for suspected misuse, with a date to remedy (Art 27)."""
    body = {"reason": "演示：疑似超范围使用", "remedy_by": day_after(REMEDY_DAYS)}
    stage.as_(STATISTICS.head).ask("POST", f"/v1/subscriptions/{subscription_id}/suspend", body)


def seconds_until_stopped(stage: Stage, subscription_id: str) -> float:
    """Return how soon every pull is refused; ProofFailed when a record leaves after a second."""
    consumer, begun = stage.as_(CONSUMER.name), time.monotonic()
    stopped, refusals = 0.0, 0
    while refusals < REFUSALS_IN_A_ROW:
        try:
            consumer.page(subscription_id, limit=1)
        except Refused as refusal:
            if refusal.code != "subscription_suspended":
                raise
            stopped = stopped if refusals else time.monotonic() - begun
            refusals += 1
        else:
            refusals = 0
            late = time.monotonic() - begun
            require(
                late < STOP_SECONDS,
                f"停用 {late:.1f} 秒后仍能提取",
                f"records still left {late:.1f} s after the suspension",
            )
    return stopped


def day_after(days: int) -> str:
    """Return the day in Shanghai so many days from today."""
    return (local_date(clock.now()) + timedelta(days=days)).isoformat()
