"""Marks the texts of the console for translation."""


def N_(msgid: str) -> str:  # noqa: N802 - gettext's own name for a text that is translated later
    return msgid
