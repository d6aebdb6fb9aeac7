"""Drafting a bundle: each line is checked as an application (Order 809 Art 20)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from auth.principal import Principal, Role
from exchange.applications import apply
from exchange.applications.content import Content
from exchange.applications.offers import Offers
from exchange.applications.tables import Application
from exchange.bundles.problems import at_line, told
from exchange.bundles.tables import Bundle, BundleLine
from exchange.events import ExchangeEvent
from kernel import audit
from kernel.database import WriteSession
from kernel.errors import Invalid, ShuyuanError
from kernel.ids import new_id

LINES_MAX = 500
# What is written at once is a step of the loop: some ten milliseconds of CPU (P11).
WRITTEN_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What the lines have in common; each line is a resource with the whole content for it."""

    title: str
    basis: str
    scenario: str
    scope: str
    valid_until: date
    lines: Sequence[tuple[str, Content]]


async def create(
    session: WriteSession,
    principal: Principal,
    form: Form,
    *,
    skip_invalid: bool = False,
    now: datetime,
) -> Bundle:
    """Write an application for each line and the bundle of them.

    Raises Invalid with `lines[i]` for each line that is wrong, or keeps these as `skipped`.
    """
    principal.require_role(Role.CLERK)
    drafts, failures = await _drafts(session, principal, form, now)
    if failures and (not skip_invalid or not drafts):
        raise Invalid(errors=[each for line, error in failures for each in at_line(line, error)])
    bundle = Bundle(
        id=new_id(),
        department=principal.department,
        created_by=principal.id,
        created_at=now,
        skipped=[_skipped(form, line, error) for line, error in failures],
        **_common(form),
    )
    await _write(session, principal, bundle, drafts, now)
    return bundle


async def _drafts(
    session: WriteSession, principal: Principal, form: Form, now: datetime
) -> tuple[dict[int, Application], list[tuple[int, ShuyuanError]]]:
    drafts: dict[int, Application] = {}
    failures: list[tuple[int, ShuyuanError]] = []
    offers = Offers(session, principal)
    for line, (resource_id, asked) in enumerate(form.lines):
        try:
            offer = await offers.of(resource_id)
            await apply.check(offers, asked, offer, now)
        except ShuyuanError as error:
            failures.append((line, error))
        else:
            drafts[line] = apply.drafted(principal, asked, offer, now=now)
        if not (line + 1) % WRITTEN_AT_ONCE:
            # What all lines ask about is known by now, so nothing else would be waited for.
            await asyncio.sleep(0)
    return drafts, failures


async def _write(
    session: WriteSession,
    principal: Principal,
    bundle: Bundle,
    drafts: dict[int, Application],
    now: datetime,
) -> None:
    session.add(bundle)
    lines = list(drafts.items())
    for first in range(0, len(lines), WRITTEN_AT_ONCE):
        some = lines[first : first + WRITTEN_AT_ONCE]
        session.add_all(application for _line, application in some)
        await session.flush()
        for line, application in some:
            session.add(BundleLine(bundle_id=bundle.id, line=line, application_id=application.id))
            apply.record_created(session, principal, application, now=now, bundle_id=bundle.id)
        await session.flush()
    event = ExchangeEvent.BUNDLE_CREATED
    facts = {"lines": len(drafts), "skipped": len(bundle.skipped)}
    audit.record(session, principal.actor, event, "bundle", bundle.id, **facts)


def _common(form: Form) -> dict[str, Any]:
    return {
        "title": form.title,
        "basis": form.basis,
        "scenario": form.scenario,
        "scope": form.scope,
        "valid_until": form.valid_until,
    }


def _skipped(form: Form, line: int, error: ShuyuanError) -> dict[str, Any]:
    resource_id, asked = form.lines[line]
    facts = {"line": line, "resource_id": resource_id, "client_id": asked.client_id}
    return facts | {"problem": told(error)}
