"""Refusals that have to do with announced versions."""

from kernel.errors import Conflict, Text


class ConsentPending(Conflict):
    """Facts: `version`, `effective_on`, `pending` (≤ 100), `pending_count`."""

    code = "consent_pending"
    title = Text(
        "新版本影响运行中的共享授权：须先公告，并取得各需求部门同意，或到期未答复并经主管部门备案",
        "The version affects running subscriptions: announce it, and have each consumer accept it,"
        " or from the effective day the authority file what was left unanswered",
    )
