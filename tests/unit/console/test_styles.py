"""The console's own files are small, and need nothing that Chromium 90 lacks."""

import re
from pathlib import Path

import pytest

STATIC = Path("gateway/console/static")
TEMPLATES = Path("gateway/console/templates")
CSS_BYTES_MAX = 25 * 1024
LATER_THAN_CHROMIUM_90 = (
    r":has\(",
    r"@layer",
    r"@container",
    r"@property",
    r"@scope",
    r"color-mix\(",
    r"\boklch\(|\boklab\(|\blab\(|\blch\(",
    r"\bpopover\b",
    r"\baspect-ratio\b.*\bauto\b",
    r"(?<![\w-])\d*\.?\d+(dvh|svh|lvh|dvw)\b",
    r"\bsubgrid\b",
    r"\btext-wrap\b",
    r"\baccent-color\b(?!:)",
    r":is\([^)]*::",
    r"&[\s.:#\[>]",
)


def test_styles_need_nothing_that_chromium_90_lacks() -> None:
    css = (STATIC / "console.css").read_text(encoding="utf-8")
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    assert [lacks for lacks in LATER_THAN_CHROMIUM_90 if re.search(lacks, css)] == []
    assert not re.search(r"\{[^{}@]*\{", re.sub(r"@media[^{]*\{", "", css)), "a nested rule"


def test_styles_are_at_most_25_kib() -> None:
    assert (STATIC / "console.css").stat().st_size <= CSS_BYTES_MAX


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_pages_hold_no_script_style_or_foreign_address(path: Path) -> None:
    html = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|https?://|\|\s*safe", html)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html))
