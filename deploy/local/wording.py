"""What the local stack says, in Chinese first and in English when asked."""

from shuyuan_client.wording import say

__all__ = ["LocalError", "StartFailed", "say"]


class LocalError(Exception):
    """Something the local stack needs cannot be had: one sentence with its remedy, twice."""

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(chinese, english)
        self.chinese = chinese
        self.english = english

    def __str__(self) -> str:
        return f"{self.chinese}\n{self.english}"


class StartFailed(LocalError):
    """A process ended, or never became ready, after it was started."""
