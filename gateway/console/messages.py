"""The English catalogue: `python -m gateway.console.messages` brings it up to date."""

import re
from collections.abc import Sequence
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from gateway.console.render import CATALOGUE, HERE

KEYWORDS = {"_": None, "N_": None}
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
NAMED = re.compile(r"%\(\w+\)s")


def extracted() -> Sequence[str]:
    """Return every text of templates and code, sorted."""
    found = extract_from_dir(HERE, METHODS, keywords=KEYWORDS)
    return sorted({str(message) for _, _, message, _, _ in found})


def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="en")


def updated(known: Catalog) -> Catalog:
    """Return the catalogue with exactly the texts that there are."""
    made = Catalog(locale="en", project="Shuyuan", header_comment="", fuzzy=False)
    for text in extracted():
        english = known[text].string if text in known else ""
        made.add(text, english, flags=["python-format"] if NAMED.search(text) else [])
    return made


def written(made: Catalog) -> bytes:
    text = BytesIO()
    write_po(text, made, width=0, sort_output=True, no_location=True)
    # Dates and names of translators are in the history of the repository.
    lines = text.getvalue().decode().splitlines(keepends=True)
    told = re.compile(r'^"(POT-|PO-|Last-|Language-Team|Generated|Report|Project-Id)')
    return "".join(line for line in lines if not told.match(line)).encode()


if __name__ == "__main__":
    CATALOGUE.write_bytes(written(updated(catalogue())))
