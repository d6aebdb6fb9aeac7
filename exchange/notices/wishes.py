"""How a department wants to be told of its own decisions and deadlines, said by its head."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from auth import departments
from auth.principal import Principal, Role
from exchange.delivery.push import messages
from exchange.events import ExchangeEvent
from exchange.feed import gathering
from exchange.notices import store
from exchange.notices.tables import NoticeChannel, NoticeSetting
from kernel import audit, encrypted
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldErrors, NotFound, Stale
from kernel.preconditions import Precondition
from kernel.secretbox import Secretbox
from kernel.workdays import SHANGHAI

EMAIL, WEBHOOK = "email", "webhook"
IMMEDIATE, DAILY = "immediate", "daily"
EMAILS_MAX: Final = 20
EMAIL_MAX: Final = 254
DAILY_AT: Final = time(8)
"""When a day's notices are sent, Asia/Shanghai."""
SUBJECT: Final = "department"
ENCRYPTED: Final = encrypted.of(NoticeSetting)
_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class Wanted:
    email: tuple[str, ...]
    webhook: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is set, how far each way has come, and a secret that was just made."""

    row: NoticeSetting
    channels: Sequence[NoticeChannel]
    secret: str | None = None


async def put(
    session: WriteSession,
    principal: Principal,
    uscc: str,
    precondition: Precondition,
    wanted: Wanted,
    *,
    box: Secretbox,
    now: datetime,
) -> Standing:
    """Say who is told and how; what happened before is told to nobody.

    Another `webhook` gets another secret. Raises RoleRequired, NotYourDepartment, NotFound,
    PreconditionRequired, Stale, Invalid.
    """
    principal.require_role(Role.HEAD)
    await departments.load(session, uscc)
    principal.require_department(uscc)
    present = await store.setting(session, uscc)
    precondition.check(None if present is None else present.revision)
    _check(wanted)
    secret = None
    if wanted.webhook is not None and (present is None or present.webhook != wanted.webhook):
        secret = messages.new_secret()
    await _write(session, uscc, wanted, present, box, secret, now)
    # What has happened already and has no number yet is not to be told either.
    while await gathering.gather(session, now) >= gathering.AT_ONCE:
        pass
    next_at = next_digest(wanted.digest, now)
    for kind, is_wanted in ((EMAIL, bool(wanted.email)), (WEBHOOK, wanted.webhook is not None)):
        if is_wanted:
            await store.open_channel(session, uscc, kind, next_at)
        else:
            await store.close_channel(session, uscc, kind)
    facts = {"emails": len(wanted.email), "webhook": wanted.webhook, "digest": wanted.digest}
    event = ExchangeEvent.NOTICES_SET
    audit.record(session, principal.actor, event, SUBJECT, uscc, **facts)
    standing = await _standing(session, uscc)
    return Standing(standing.row, standing.channels, secret)


async def find(session: ReadSession, principal: Principal, uscc: str) -> Standing:
    """Raise NotFound to other departments, and where nothing is set."""
    if principal.department != uscc:
        raise NotFound
    return await _standing(session, uscc)


def next_digest(digest: str, now: datetime) -> datetime | None:
    """Return when a notice may be sent next; None: at once."""
    if digest == IMMEDIATE:
        return None
    here = now.astimezone(SHANGHAI)
    today = datetime.combine(here.date(), DAILY_AT, SHANGHAI)
    return today if here < today else today + timedelta(days=1)


def _check(wanted: Wanted) -> None:
    errors = FieldErrors()
    for index, each in enumerate(wanted.email):
        if len(each) > EMAIL_MAX or _EMAIL.fullmatch(each) is None:
            errors.add(
                f"email[{index}]", "pattern", "不是电子邮箱地址", "is not an address of mail"
            )
    errors.raise_if_any()


async def _write(
    session: WriteSession,
    uscc: str,
    wanted: Wanted,
    present: NoticeSetting | None,
    box: Secretbox,
    secret: str | None,
    now: datetime,
) -> None:
    """Write what is wanted over what was read; raises Stale where another was faster."""
    values: dict[str, Any] = {
        "email": list(dict.fromkeys(wanted.email)),
        "webhook": wanted.webhook,
        "digest": wanted.digest,
        "changed_at": now,
        "revision": 1 if present is None else present.revision + 1,
    }
    if secret is not None or wanted.webhook is None:
        values["secret"] = None if secret is None else box.encrypt(secret.encode())
    statement = insert(NoticeSetting).values(department=uscc, **values)
    read = col(NoticeSetting.revision) == values["revision"] - 1
    statement = statement.on_conflict_do_update(
        index_elements=["department"], set_=values, where=read
    )
    written = await session.execute(statement.returning(col(NoticeSetting.department)))
    if written.first() is None:
        raise Stale


async def _standing(session: ReadSession, uscc: str) -> Standing:
    row = await store.setting(session, uscc)
    if row is None:
        raise NotFound
    return Standing(row, await store.channels(session, uscc))
