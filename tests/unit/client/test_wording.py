"""The terminal speaks Chinese unless the environment asks for English."""

import pytest

from shuyuan_client.wording import say


@pytest.mark.parametrize(
    ("own", "lang", "expected"),
    [
        (None, None, "中文"),
        (None, "C.UTF-8", "中文"),
        (None, "zh_CN.UTF-8", "中文"),
        (None, "en_GB.UTF-8", "English"),
        ("en", "zh_CN.UTF-8", "English"),
        ("zh", "en_US.UTF-8", "中文"),
    ],
)
def test_the_language(
    monkeypatch: pytest.MonkeyPatch, own: str | None, lang: str | None, expected: str
) -> None:
    for name, value in (("SHUYUAN_LANG", own), ("LANG", lang)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert say("中文", "English") == expected
