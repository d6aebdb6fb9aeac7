"""Pages that are looked at again: by their script, by the browser itself, by whoever reloads."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, get_type_hints

from fastapi.routing import APIRoute

from gateway.console import forms
from gateway.console.routes import ROUTERS
from gateway.console.static import FOLDER
from gateway.console.visit import Go

PAGES = FOLDER.parent / "templates"
# Forms that are answered by a page and not by the way to one (303), and why a reload, which sends
# them again, does no harm. A new one fails this test until somebody has decided that.
READS: Final = "nothing is changed"
REVISION: Final = "the form names the revision that it changes: a second time that is another one"
ONCE: Final = "the form is taken once, by its own name"
ANSWERED: Final = {
    "/console/refusals": READS,
    "/console/status/records": READS,
    "/console/resources/{id}/records": READS,
    "/console/subscriptions/{id}/preview": READS,
    "/console/departments/{id}/merge-into": "shown beforehand; done, it leads away",
    "/console/departments/{id}/move": "shown beforehand; done, it leads away",
    "/console/catalogue/new": "a step of the form; saved, it leads away",
    "/console/catalogue/{id}/edit": "a step of the form; saved, it leads away",
    "/console/subscriptions/{id}/endpoint": REVISION,
    "/console/notices": REVISION,
    "/console/calendar": REVISION,
    "/console/subscriptions/{id}/endpoint/test": "one more test, of which nothing is kept",
    "/console/clients/new": ONCE,
    "/console/clients/{id}/rotate": ONCE,
    "/console/subscriptions/{id}/endpoint/rotate": ONCE,
    "/console/resources/{id}/upload": ONCE,
}
# They only ever set a cookie and lead away.
COOKIES: Final = {
    "/console/sign-out", "/console/language", "/console/catalogue/choose", "/console/basket",
}  # fmt: skip


def acts() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the address of each form, and what takes it."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and "POST" in (route.methods or ()):
                answer = inspect.getclosurevars(route.endpoint).nonlocals.get("answer")
                taken = inspect.getclosurevars(answer).nonlocals["view"] if answer else None
                yield route.path, taken or route.endpoint


def test_whoever_reloads_the_answer_to_a_form_does_nothing_twice() -> None:
    taken = {path: view for path, view in acts() if path not in COOKIES}
    shown = {path: view for path, view in taken.items() if get_type_hints(view)["return"] is not Go}
    assert len(taken) > 100
    assert shown.keys() == ANSWERED.keys()
    claims = f"{forms.sent_before.__name__}(", f"typed('{forms.ONCE}')"
    once = {path for path, why in ANSWERED.items() if why is ONCE}
    modules = {path: inspect.getsource(inspect.getmodule(shown[path]) or forms) for path in once}
    assert all(any(claim in modules[path] for claim in claims) for path in once)


def test_browsers_reload_a_page_by_themselves_only_without_scripts() -> None:
    """axe-core: one who listens is thrown out of the sentence by a page that reloads itself."""
    texts = [path.read_text(encoding="utf-8") for path in PAGES.glob("*.html")]
    bare = [re.sub(r"<noscript>.*?</noscript>", "", text) for text in texts]
    assert [text for text in bare if 'http-equiv="refresh"' in text] == []
    assert any('http-equiv="refresh"' in text for text in texts)
