"""Refusals of a verify that ask for too much, or seem to guess."""

from typing import Final

from exchange.delivery.errors import QuotaExhausted
from kernel.errors import Text, TooMany

PAUSE_SECONDS: Final = 60


class BudgetExhausted(TooMany):
    """`policy` names the budget: `subjects` of the day, or `tries` of one subject."""

    code = QuotaExhausted.code
    title = Text("今日核验额度已用完", "Today's budget of verifying is used up")

    def __init__(self, policy: str, seconds: int) -> None:
        zh, en = {
            "subjects": ("今日核验的对象数已达上限", "No more subjects may be verified today"),
            "tries": ("该对象今日核验次数已达上限", "This subject was verified too often today"),
        }[policy]
        super().__init__(zh, en, retry_after_seconds=seconds, policy=policy)


class GuessingSuspected(TooMany):
    """Most of the last tries were wrong; the third time in a day suspends the subscription."""

    code = "guessing_suspected"
    title = Text(
        "近期核验多数不一致，疑似猜测，已告警；当日第三次告警将暂停授权",
        "Most of the last tries did not match: an alarm was raised, the third in a day suspends",
    )

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=PAUSE_SECONDS)
