"""Turns a view (a function from a visit to a dataclass) into a route: session, token, answer.

A form that is refused is shown again, with what was typed and what is wrong with it. One that comes
after the session has ended is kept in the page that says so (nothing typed is lost).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import fields, is_dataclass, replace
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse, Response

from auth import directory
from auth.delegations import register
from auth.delegations.powers import READ
from auth.errors import NotDelegated, TokenExpired
from auth.principal import Principal
from gateway import refused
from gateway.checks import check_of
from gateway.console import render, tables
from gateway.console.acting import Acting, without_uncovered
from gateway.console.session import SESSION, Cookies, Session
from gateway.console.sign_in import refreshed
from gateway.console.visit import AS, Go, View, Visit, english_of
from gateway.problems import status_of
from gateway.services import Services, Using
from gateway.workbooks.importing import XLSX
from kernel import clock
from kernel.database import WriteSession
from kernel.errors import NotFound, ShuyuanError, Unauthorized, Unavailable
from kernel.logging import correlation_id
from kernel.paging import LIMIT_MAX, PageRequest
from kernel.workbooks.writing import Heading, Sheet, write

SEE_OTHER = 303
NOT_STORED = {"Cache-Control": "no-store"}
TOKEN = "token"  # noqa: S105 - the name of a field
# No page holds again what nobody else shall read.
UNKEPT = frozenset(
    {TOKEN, "password", "old_password", "new_password", "again_password", "access_token"}
    | {"auth_secret"}
)
FIELDS_MAX = 6_000
FILES_MAX = 1
PART_MAX = 1024 * 1024
# A list is taken away up to so many pages of LIMIT_MAX rows.
EXPORTED_PAGES = 50
# A database that has not confirmed who asks by then is away.
CONFIRM_SECONDS = 2.0

Answering = Callable[[Request, Services], Awaitable[Response]]
Step = Callable[[Visit, WriteSession, str], Awaitable[object]]


def page(
    router: APIRouter, path: str, template: str, *, unconfirmed: bool = False
) -> Callable[[View], View]:
    """Register a view that is shown at `path` to whoever is signed in.

    With `unconfirmed` also while the database is away, to whom this worker confirmed before it.
    """

    def register(view: View) -> View:
        async def show(request: Request, using: Services) -> Response:
            return await _Desk(request, using, unconfirmed=unconfirmed).show(view, template)

        _add(router, path, "GET", show)
        return view

    return register


def act(
    router: APIRouter, path: str, back: View, template: str, *, again: str = ""
) -> Callable[[View], View]:
    """Register what a form does; refused, it is shown again by `back`, in `again` if that differs.

    What it returns is shown in `template`, unless it says where to go.
    """

    def register(view: View) -> View:
        async def take(request: Request, using: Services) -> Response:
            return await _Desk(request, using).take(view, template, (back, again or template))

        _add(router, path, "POST", take)
        return view

    return register


def steps(
    router: APIRouter, address: str, back: View, template: str
) -> Callable[[str, str, Step], None]:
    """Return what lets the form of an action take it, in one transaction, for things at `address`.

    It is given the action, the sentence of what was done, and the step itself.
    """

    def register(action: str, done: str, step: Step) -> None:
        async def take(visit: Visit) -> Go:
            thing = visit.part("id")
            async with visit.writing() as session:
                await step(visit, session, thing)
            return Go(f"{address}/{thing}", done)

        act(router, f"{address}/{{id}}/{action}", back, template)(take)

    return register


def _add(router: APIRouter, path: str, method: str, answer: Answering) -> None:
    async def endpoint(request: Request, using: Using) -> Response:
        return await answer(request, using)

    router.add_api_route(path, endpoint, methods=[method], include_in_schema=False)


class _Desk:
    """Answers one request."""

    def __init__(self, request: Request, using: Services, *, unconfirmed: bool = False) -> None:
        self._request, self._using = request, using
        self._unconfirmed = unconfirmed
        self._cookies = Cookies(using.box, using.settings)
        self._english = english_of(request)

    async def show(self, view: View, template: str) -> Response:
        visit = await self._visit()
        if visit is None:
            return self._to_sign_in()
        try:
            if visit.query(AS) == "xlsx":
                return self._kept(visit, await self._exported(visit, view, template))
            told = await view(visit)
        except ShuyuanError as error:
            return self._kept(visit, self._refused(visit, error))
        return self._kept(visit, self._answer(visit, told, template))

    async def _exported(self, visit: Visit, view: View, template: str) -> Response:
        """Answer with the list of the page, all of its pages, as a workbook."""
        pages: list[tables.Table] = []
        visit.page_of_export = PageRequest(LIMIT_MAX)
        while len(pages) < EXPORTED_PAGES:
            told = await view(visit)
            if isinstance(told, Response):
                return told  # a workbook of its own
            if not is_dataclass(told):
                raise NotFound
            values = {field.name: getattr(told, field.name) for field in fields(told)}
            shown = render.text(template, {**visit.values(), **values}, english=self._english)
            table = tables.first(shown)
            if table is None:
                break
            pages.append(table)
            cursor = values.get("next_cursor")
            if not cursor:
                break
            visit.page_of_export = PageRequest(LIMIT_MAX, cursor)
        if not pages:
            raise NotFound
        return await _workbook(tables.joined(pages))

    async def take(self, view: View, template: str, back: tuple[View, str]) -> Response:
        limits = {"max_files": FILES_MAX, "max_fields": FIELDS_MAX, "max_part_size": PART_MAX}
        async with self._request.form(**limits) as form:
            if not self._is_own():
                return self._page("foreign.html", {}, 403)
            visit = await self._visit()
            if visit is None:
                return self._lapsed(form)
            if not self._cookies.proves(visit.session.person, form.get(TOKEN)):
                return self._kept(visit, self._unproved(visit, form))
            visit.form = form
            return self._kept(visit, await self._taken(visit, view, template, back))

    def _is_own(self) -> bool:
        """Whether the form came from a page of the platform; browsers say so of every POST."""
        headers = self._request.headers
        public = urlsplit(self._using.settings.base_url).netloc
        origin = headers.get("origin") or headers.get("referer") or ""
        try:
            return urlsplit(origin).netloc in {public, headers.get("host")} - {"", None}
        except ValueError:
            return False

    async def _taken(
        self, visit: Visit, view: View, template: str, back: tuple[View, str]
    ) -> Response:
        shown_again, again = back
        try:
            visit.require_plain()
            visit.require_covered()
            return self._answer(visit, await view(visit), template)
        except ShuyuanError as error:
            visit.error = error
            self._note(visit, error)
        try:
            told = await shown_again(visit)
        except ShuyuanError as error:
            return self._refused(visit, error)
        return self._answer(visit, told, again, status_of(visit.error))

    def _answer(self, visit: Visit, told: object, template: str, status: int = 200) -> Response:
        if isinstance(told, Response):
            return told
        if isinstance(told, Go):
            return RedirectResponse(_with_done(told), SEE_OTHER, NOT_STORED)
        assert is_dataclass(told)  # noqa: S101 - narrows what views return
        values = {field.name: getattr(told, field.name) for field in fields(told)}
        response = self._page(template, {**visit.values(), **values}, status)
        if visit.acting is not None:
            html = without_uncovered(bytes(response.body).decode(), visit.acting)
            response = HTMLResponse(
                html, status, render.headers(response.headers["content-language"])
            )
        return response

    def _refused(self, visit: Visit, error: ShuyuanError) -> Response:
        self._note(visit, error)
        visit.error = error
        check = check_of(error.code, status_of(error))
        told = {"check": str(check), "roles": error.facts.get("required", ())}
        values = {**visit.values(), **told, "correlation": correlation_id.get() or ""}
        return self._page("refused.html", values, status_of(error))

    def _note(self, visit: Visit, error: ShuyuanError) -> None:
        refused.note(
            self._using,
            visit.principal,
            error,
            status_of(error),
            method=self._request.method,
            path=self._request.url.path,
            source=self._request.client.host if self._request.client else None,
        )

    async def _visit(self) -> Visit | None:
        """Return the visit of who is signed in, None where nobody is any more."""
        session, now = self._cookies.session(self._request), clock.now()
        if session is None or not session.lives(now, self._using.settings):
            return None
        try:
            session, principal = await self._confirmed(session)
        except Unauthorized:
            return None
        self._using.restore.require_not_restored()
        self._request.scope[refused.PRINCIPAL] = principal
        token = self._cookies.form_token(session.person)
        visit = Visit(self._request, self._using, principal, session.touched(now), token)
        if session.acting:
            await self._act_for(visit, session.acting)
        return visit

    async def _act_for(self, visit: Visit, department: str) -> None:
        """Let the person act for the department, while a delegation lets them."""
        own, now = visit.principal, clock.now()
        async with visit.reading() as session:
            try:
                visit.principal = await register.acting_for(
                    session, own, department, f"{READ} ", now=now
                )
            except NotDelegated:
                visit.session = replace(visit.session, acting="")
                visit.acting_ended = True
                return
            powers, _region = await register.powers_of(session, own, department, now=now)
            names = await directory.departments(session, [department])
        visit.own = own
        visit.acting = Acting(department, names[department], powers, visit.session.department_name)

    async def _confirmed(self, session: Session) -> tuple[Session, Principal]:
        """Return who is signed in; where that will do, whom it was before the database left."""
        if not self._unconfirmed:
            return await self._principal(session)
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                return await self._principal(session)
        except (Unavailable, TimeoutError) as error:
            known = self._using.tokens.last_known(session.access.encode())
            if known is None:
                raise Unavailable from error
            return replace(session, acting=""), known

    async def _principal(self, session: Session) -> tuple[Session, Principal]:
        verify = self._using.tokens.verify
        try:
            return session, await verify(session.access.encode())
        except TokenExpired:
            pair = await refreshed(self._request, self._using, session.refresh)
            session = replace(session, access=pair.access, refresh=pair.refresh)
            return session, await verify(session.access.encode())

    def _kept(self, visit: Visit, response: Response) -> Response:
        """Write the session's cookie where it changed."""
        if visit.session != self._cookies.session(self._request):
            self._cookies.keep(response, visit.session)
        return response

    def _to_sign_in(self) -> Response:
        then = self._request.url.path
        if self._request.url.query:
            then = f"{then}?{self._request.url.query}"
        response = RedirectResponse(
            f"/console/sign-in?{urlencode({'then': then})}", SEE_OTHER, NOT_STORED
        )
        if self._cookies.session(self._request) is None:
            self._cookies.forget(response, SESSION)
        return response

    def _lapsed(self, form: FormData) -> Response:
        """Say that the session has ended, with everything that was typed in the page."""
        before = self._cookies.session(self._request)
        token = self._cookies.form_token(before.person) if before else ""
        return self._page("lapsed.html", self._again(form, token), 401)

    def _unproved(self, visit: Visit, form: FormData) -> Response:
        """Ask whether the person meant it: the form was not one that this page had given them."""
        return self._page("unproved.html", self._again(form, visit.token), 403)

    def _again(self, form: FormData, token: str) -> dict[str, object]:
        pairs = [
            (name, value)
            for name, value in form.multi_items()
            if isinstance(value, str) and name not in UNKEPT
        ]
        return {"action": self._request.url.path, "pairs": pairs, "token": token}

    def _page(self, template: str, values: dict[str, object], status: int) -> Response:
        return render.html(template, values, english=self._english, status=status)


async def _workbook(table: tables.Table) -> Response:
    headings = [Heading(label) for label in table.headings]
    content = await asyncio.to_thread(write, [Sheet("list", headings, table.rows)])
    headers = {**NOT_STORED, "Content-Disposition": 'attachment; filename="list.xlsx"'}
    return Response(content, media_type=XLSX, headers=headers)


def _with_done(go: Go) -> str:
    if not go.done:
        return go.url
    address, hash_, fragment = go.url.partition("#")
    mark = "&" if "?" in address else "?"
    return f"{address}{mark}{urlencode({'done': go.done})}{hash_}{fragment}"
