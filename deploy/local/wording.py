"""What the local stack says, in Chinese first and in English when asked."""

import os


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


def say(chinese: str, english: str) -> str:
    """Choose the language of a progress line by SHUYUAN_LANG."""
    return english if os.environ.get("SHUYUAN_LANG", "").lower().startswith("en") else chinese
