"""A version that narrows a running subscription is announced, and waits for its consumer."""

from deploy.demo import catalogue, sharing
from deploy.demo.cast import AGRICULTURE, ANNOUNCED, NARROWED_ITEMS, NARROWER, SIGN_OFF, STATISTICS
from deploy.demo.proof import require
from deploy.demo.sharing import day_after
from deploy.demo.stage import AUTHORITY, Json, Stage
from shuyuan_client.http import ExchangeClient, Refused

# More than ten working days, whatever the holidays.
AHEAD_DAYS = 30
HELD_BACK = "consent_pending"


def announce(stage: Stage, client_id: str) -> Json:
    """Bring the entry to its second version, by announcement and consent; return the entry.

    An earlier run may have left it anywhere on the way.
    """
    resource_id = catalogue.publish_resource(stage, ANNOUNCED)
    clerk, path = stage.as_(STATISTICS.clerk), f"/v1/resources/{resource_id}"
    shown = clerk.ask("GET", path)
    if shown["published_version"] == 1:
        subscription = sharing.subscribe(stage, resource_id, client_id, NARROWER)
        _revise(stage, path)
        _come_into_force(stage, path, subscription["id"])
        shown = clerk.ask("GET", path)
    require(
        (shown["status"], shown["version"]) == ("published", 2),
        f"应为已发布的第 2 版，实为 {shown['status']} 第 {shown['version']} 版",
        f"version 2 should be in force, it is {shown['status']} {shown['version']}",
    )
    return shown


def _revise(stage: Stage, path: str) -> None:
    """Draft, sign and approve the narrower version, from wherever it is, and announce it."""
    clerk, head, authority = _people(stage)
    if (shown := clerk.ask("GET", path))["status"] == "published":
        shown = clerk.ask("POST", f"{path}/revise")
    if shown["status"] == "draft":
        body = {**ANNOUNCED, "items": NARROWED_ITEMS}
        clerk.ask("PUT", path, body, headers={"If-Match": f'"{shown["revision"]}"'})
        shown = head.ask("POST", f"{path}/submit", SIGN_OFF)
    if shown["status"] == "submitted":
        shown = authority.ask("POST", f"{path}/approve")
    if shown["announcement"] is None:
        body = {"effective_on": day_after(AHEAD_DAYS), "reason": "（演示）名称改为部分显示"}
        head.ask("POST", f"{path}/announce", body)


def _come_into_force(stage: Stage, path: str, subscription_id: str) -> None:
    """Prove that the version waits for the consumer's consent, and publish it with that."""
    _clerk, head, authority = _people(stage)
    (affected,) = head.ask("GET", f"{path}/announcement")["affected"]
    require(
        (affected["subscription_id"], affected["effect"]) == (subscription_id, "narrowed"),
        f"应只影响农业农村厅的授权，实为 {affected}",
        f"it should narrow Agriculture's subscription alone, found {affected}",
    )
    if affected["answer"] == "unanswered":
        require(
            _held_back(stage, path),
            "需求部门同意之前，新版本不应能发布",
            "the version should not be published before its consumer consents",
        )
        accepting = f"/v1/subscriptions/{subscription_id}/accept-version"
        stage.as_(AGRICULTURE.head).ask("POST", accepting, {"version": 2})
    authority.ask("POST", f"{path}/publish")


def _held_back(stage: Stage, path: str) -> bool:
    try:
        stage.as_(AUTHORITY).ask("POST", f"{path}/publish")
    except Refused as refusal:
        if refusal.code != HELD_BACK:
            raise
        return True
    return False


def _people(stage: Stage) -> tuple[ExchangeClient, ExchangeClient, ExchangeClient]:
    """Return Statistics' clerk and head, and the authority."""
    return stage.as_(STATISTICS.clerk), stage.as_(STATISTICS.head), stage.as_(AUTHORITY)
