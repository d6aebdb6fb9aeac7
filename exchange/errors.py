"""Refusals that have to do with applications and subscriptions."""

from exchange.modes import SERVED
from kernel.errors import Conflict, Forbidden, Text, Unavailable


class NotDeliverable(Forbidden):
    """Nothing leaves through the subscription at this moment (P3)."""


class SubscriptionSuspended(NotDeliverable):
    code = "subscription_suspended"
    title = Text(
        "共享授权已暂停；请按暂停决定整改后由数据提供部门或主管部门恢复",
        "The subscription is suspended; remedy what the suspension names to have it resumed",
    )


class SubscriptionExpired(NotDeliverable):
    code = "subscription_expired"
    title = Text(
        "共享授权已到期；如仍需要，请重新申请",
        "The subscription has expired; apply again if needed",
    )


class SubscriptionTerminated(NotDeliverable):
    code = "subscription_terminated"
    title = Text("共享授权已终止", "The subscription was terminated")


class SubscriptionNotStarted(NotDeliverable):
    code = "subscription_not_started"
    title = Text("共享授权尚未开始", "The subscription has not started yet")


class ModeNotGranted(NotDeliverable):
    code = "mode_not_granted"
    title = Text("共享授权不包括该方式", "The subscription does not grant this mode")

    def __init__(self, granted: str) -> None:
        if granted not in SERVED:
            super().__init__(
                f"共享授权同意的 {granted} 方式平台目前不提供；可另行申请：{', '.join(SERVED)}",
                f"The subscription grants mode {granted}, which the platform does not serve yet; "
                f"apply for {', '.join(SERVED)}",
                granted=granted,
            )
            return
        super().__init__(
            f"共享授权只同意 {granted} 方式；其他方式须另行申请",
            f"The subscription grants mode {granted} only; apply for another",
            granted=granted,
        )


class DepartmentInUse(Conflict):
    """Nobody would answer any more (Order 809 Art 21, 26, 27); `open` counts what there is."""

    code = "department_in_use"
    title = Text(
        "该部门尚有在用的目录、共享授权或未办结的事项，不能撤销",
        "The department has entries, subscriptions or open matters and cannot be abolished",
    )


class NotShareable(Conflict):
    """The catalogue entry is 不予共享 (Order 809 Art 14–15)."""

    code = "not_shareable"
    title = Text(
        "该资源目录为不予共享，不能申请；如有异议请向主管部门提出",
        "The catalogue entry is not to be shared; object to the authority if you disagree",
    )


class FilingRequired(Conflict):
    code = "filing_required"
    title = Text(
        "数据提供部门终止共享服务须先与需求部门协商并报主管部门备案（条例第二十七条）",
        "A provider ends a service only after negotiation and a filing with the authority (Art 27)",
    )


class NotRestored(Conflict):
    """To declare a restore ends every sign-in and token, and replaces the signing keys."""

    code = "not_restored"
    title = Text(
        "数据库并不落后于日志，无需登记恢复；确已恢复而日志也已丢失的，请加 --anyway",
        "The database does not lie behind the log: nothing is to be declared; if it was restored"
        " and the log was lost as well, say --anyway",
    )


class DatabaseRestored(Unavailable):
    """The database lies behind the log: nothing is served until the restore is declared (P12)."""

    code = "database_restored"
    title = Text(
        "数据库已恢复到较早时刻，平台在运维人员完成恢复登记之前不提供服务",
        "The database was restored to an earlier moment; nothing is served until that is declared",
    )
