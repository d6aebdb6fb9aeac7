"""Reads the commands of a shell snippet, and the request that a call of curl sends."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit

from tests.docs.requests import Request

BREAKS = ";&|()<>\n"
COMMENT = re.compile(r"(?:^|[ \t]{1,})#[ \t].*$", re.MULTILINE)
BASE = re.compile(r"\$(?:SHUYUAN_BASE_URL|BASE)\b")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
VALUED = {
    "-X": "method", "--request": "method",
    "-d": "data", "--data": "data", "--data-binary": "data",
    "-F": "form",
}  # fmt: skip
# Options of curl that take a word which tells nothing of the request's shape.
PASSED_OVER = ("-o", "-H", "-C", "-u", "-D", "--cacert", "--retry", "--max-time", "-w")


def commands(snippet: str) -> Iterator[list[str]]:
    """Yield the words of each command, also of those within $( ), without its assignments."""
    lexer = shlex.shlex(
        COMMENT.sub("", snippet).replace("\\\n", " "), posix=True, punctuation_chars=BREAKS
    )
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    words: list[str] = []
    for token in lexer:
        if set(token) <= set(BREAKS):
            yield from _command(words)
            words = []
        else:
            words.append(token)
    yield from _command(words)


def _command(words: Sequence[str]) -> Iterator[list[str]]:
    rest = list(words)
    while rest and ASSIGNMENT.fullmatch(rest[0]):
        rest.pop(0)
    if rest:
        yield rest


def request_of(curl: Sequence[str]) -> Request:
    """Return what a call of curl asks the platform for; ValueError where it asks for nothing."""
    told: dict[str, str] = {}
    form, url = [], ""
    words = iter(curl[1:])
    for word in words:
        if kind := VALUED.get(word):
            value = next(words)
            if kind == "form":
                form.append(value.partition("=")[0])
            told[kind] = value
        elif word in PASSED_OVER:
            next(words)
        elif not word.startswith("-"):
            url = word
        elif word in ("-I", "--head"):
            told["method"] = "HEAD"
    if not BASE.match(url):
        raise ValueError(f"asks for nothing of the platform: {url}")
    parts = urlsplit(BASE.sub("", url))
    method = told.get("method", "POST" if {"data", "form"} & told.keys() else "GET")
    query = tuple(name for name, _value in parse_qsl(parts.query, keep_blank_values=True))
    body = _json(told.get("data", ""))
    return Request(method, parts.path, query, body, tuple(form))


def _json(data: str) -> object:
    """Return the body where it is JSON; a file (`@name`) and a form are not looked into."""
    return json.loads(data) if data.startswith(("{", "[")) else None


def unexpanded(snippet: str) -> list[str]:
    """Return variables that stand within single quotes, where no shell puts their value in."""
    found: list[str] = []
    quote = ""
    typed = COMMENT.sub("", snippet)
    for number, sign in enumerate(typed):
        if sign in "'\"" and quote in ("", sign) and typed[number - 1 : number] != "\\":
            quote = "" if quote else sign
        elif sign == "$" and quote == "'":
            found.append(typed[number : number + 12])
    return found
