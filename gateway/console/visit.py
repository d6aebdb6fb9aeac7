"""One request of a page: who asks, in which language, what was typed; and the way to answer it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from auth.errors import NotDelegated
from auth.principal import Principal, Role
from gateway.console import navigation, render
from gateway.console.acting import Acting
from gateway.console.session import Session
from gateway.problems import in_english
from gateway.services import Services
from kernel import clock
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError, Invalid, ShuyuanError
from kernel.paging import PageRequest
from kernel.wire import is_plain

LANGUAGE = "shuyuan_language"
PAGE_ROWS = 50
# What of an address says how a list is laid out, not what of it is shown.
NO_FILTERS = frozenset({"cursor", "done", "as", "live", "by", "of", "measure"})
# How a list is wanted: as a page, or as a workbook.
AS = "as"


@dataclass(frozen=True, slots=True)
class Go:
    """The answer to a form that was taken: see that page, with a sentence of what was done."""

    url: str
    done: str = ""


View: TypeAlias = "Callable[[Visit], Awaitable[object]]"


@dataclass(slots=True)
class Visit:
    """What a view is given; `error` is why a form was refused that is shown again.

    While the person acts for another department, `principal` is who they are there, and `own` who
    they are; `acting_ended` tells that the delegation has ended meanwhile.
    """

    request: Request
    using: Services
    principal: Principal
    session: Session
    token: str
    form: FormData = field(default_factory=FormData)
    error: ShuyuanError | None = None
    shown_once: Mapping[str, str] = field(default_factory=dict)
    page_of_export: PageRequest | None = None
    acting: Acting | None = None
    own: Principal | None = None
    acting_ended: bool = False

    @property
    def now(self) -> datetime:
        return clock.now()

    @property
    def english(self) -> bool:
        return english_of(self.request)

    @property
    def nav(self) -> Sequence[navigation.Entry]:
        return navigation.of(self.principal, self.request.url.path, self.acting)

    def has(self, *roles: str) -> bool:
        """Whether the person holds one of the roles."""
        return not self.principal.roles.isdisjoint(map(Role, roles))

    def follows(self, kind: str, author: str) -> bool:
        """Whether the person may follow a job of the own department that `author` began."""
        began = (kind, author) == (self.principal.kind, self.principal.id)
        return began or (Role.HEAD in self.principal.roles and self.acting is None)

    def oversees(self, region_code: str) -> bool:
        """Whether the person acts for the authority over a division."""
        try:
            self.principal.require_authority(region_code)
        except ShuyuanError:
            return False
        return True

    def part(self, name: str) -> str:
        """Return what the address names."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str | None:
        """Return a filter of the address; None where it is absent or empty."""
        return self.request.query_params.get(name) or None

    @property
    def is_export(self) -> bool:
        """Whether the list is wanted as a workbook; a view may answer with one of its own."""
        return self.page_of_export is not None

    @property
    def paging(self) -> PageRequest:
        return self.page_of_export or PageRequest(PAGE_ROWS, self.query("cursor"))

    @property
    def filtered(self) -> bool:
        """Whether the address narrows what a list shows."""
        return narrows(self.request.query_params)

    def with_query(self, **changed: str | None) -> str:
        """Return this address with filters changed; the page begins anew."""
        kept = {key: value for key, value in self.request.query_params.items() if value}
        kept.pop("cursor", None)
        kept.pop("done", None)
        kept.pop(AS, None)
        kept.update({key: value for key, value in changed.items() if value})
        for key in [key for key, value in changed.items() if not value]:
            kept.pop(key, None)
        path = quote(self.request.url.path)
        return f"{path}?{urlencode(kept)}" if kept else path

    def typed(self, name: str, usual: object = "") -> str:
        """Return what stands in a field: as it was typed, or as it is."""
        if name in self.form:
            value = self.form[name]
            return value if isinstance(value, str) else ""
        return "" if usual is None else str(usual)

    def ticked(self, name: str, value: str, usual: bool = False) -> bool:  # noqa: FBT001, FBT002
        """Whether a box is ticked: as it was sent, or as it is."""
        return value in self.form.getlist(name) if name in self.form else usual

    def say(self, error: FieldError) -> str:
        return error.sentence(english=self.english)

    def wrong(self, path: str) -> str:
        """Return what is wrong with a field, empty where nothing is."""
        errors = self.error.errors if self.error else ()
        return "；".join(self.say(each) for each in errors if each.path == path)

    @property
    def sentence(self) -> str:
        """Return why the form was refused."""
        if self.error is None:
            return ""
        return self.error.detail.en if self.english else self.error.detail.zh

    @property
    def complaints(self) -> Sequence[tuple[str, str]]:
        """Return every field error, with its place."""
        errors = self.error.errors if self.error else ()
        return [(each.path, self.say(each)) for each in errors]

    def text(self, name: str) -> str | None:
        """Return what was typed, without blanks around it; None where nothing was."""
        value = self.form.get(name)
        stripped = value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""
        return stripped or None

    def texts(self, name: str) -> list[str]:
        return [each for each in self.form.getlist(name) if isinstance(each, str) and each]

    def upload(self, name: str) -> UploadFile | None:
        value = self.form.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None

    def require_plain(self) -> None:
        """Raise Invalid for marks that hide or turn text, as the API does of its bodies."""
        errors = [
            FieldError(name, "pattern", "含有不允许的字符", "holds characters that are not allowed")
            for name, value in self.form.multi_items()
            if isinstance(value, str) and not is_plain(value.replace("\r\n", "\n"))
        ]
        if errors:
            raise Invalid(errors=errors)

    def require_covered(self) -> None:
        """Raise NotDelegated for an act that the delegation does not cover, or that has ended."""
        uncovered = self.acting is not None and not self.acting.covers(self.request.url.path)
        if uncovered or self.acting_ended:
            raise NotDelegated

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        async with self.using.database.reading() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteSession]:
        async with self.using.database.transaction() as session:
            yield session

    def values(self) -> dict[str, Any]:
        """Return what every template may use."""
        return {"visit": self, "done": render.own_sentence(self.query("done") or "")}


def narrows(query: Mapping[str, str]) -> bool:
    """Whether parameters of an address narrow a list; pure."""
    return any(value and name not in NO_FILTERS for name, value in query.items())


def english_of(request: Request) -> bool:
    """Whether the page is to be in English: as was chosen, or as the browser prefers."""
    chosen = request.cookies.get(LANGUAGE)
    if chosen in ("en", "zh"):
        return chosen == "en"
    return in_english(request.headers.get("accept-language", ""))
