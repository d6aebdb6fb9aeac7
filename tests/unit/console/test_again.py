"""Pages that are looked at again: by their script, and by the browser itself where none runs."""

import re

from gateway.console.static import FOLDER

PAGES = FOLDER.parent / "templates"


def test_browsers_reload_a_page_by_themselves_only_without_scripts() -> None:
    """axe-core: one who listens is thrown out of the sentence by a page that reloads itself."""
    texts = [path.read_text(encoding="utf-8") for path in PAGES.glob("*.html")]
    bare = [re.sub(r"<noscript>.*?</noscript>", "", text) for text in texts]
    assert [text for text in bare if 'http-equiv="refresh"' in text] == []
    assert any('http-equiv="refresh"' in text for text in texts)
