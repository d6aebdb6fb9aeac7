"""The language of the terminal: Chinese, or English where the environment asks for it."""

import os


def in_english() -> bool:
    """SHUYUAN_LANG decides; without it, LANG."""
    chosen = os.environ.get("SHUYUAN_LANG") or os.environ.get("LANG", "")
    return chosen.lower().startswith("en")


def say(chinese: str, english: str) -> str:
    return english if in_english() else chinese
