"""The page that asks for a new password: what it holds instead of the temporary one."""

import hashlib
import json
from datetime import datetime

from cryptography.fernet import InvalidToken

from auth import passwords, rules
from auth.sign_in import Checked, WrongPassword
from auth.store import people
from kernel.database import Database
from kernel.errors import FieldErrors, Invalid
from kernel.secretbox import Secretbox

PURPOSE = "first-password"
SECONDS = 600
TICKET_MAX = 4096


def ticket(box: Secretbox, checked: Checked, now: datetime) -> str:
    """Return a proof, for ten minutes, that the temporary password was right."""
    said = [PURPOSE, checked.person_id, _short(checked.password_hash), now.timestamp() + SECONDS]
    return box.encrypt(json.dumps(said).encode()).decode()


async def redeemed(database: Database, box: Secretbox, text: str, now: datetime) -> Checked:
    """Return what the ticket proves; raises WrongPassword for an old or made-up one."""
    person_id, known = _opened(box, text, now)
    async with database.reading() as session:
        person = await people.get(session, person_id)
    if person is None or _short(person.password_hash) != known or not person.password_temporary:
        raise WrongPassword
    return Checked(person.id, person.generation, temporary=True, password_hash=person.password_hash)


def _opened(box: Secretbox, text: str, now: datetime) -> tuple[str, str]:
    if len(text) > TICKET_MAX or not text.isascii():
        raise WrongPassword
    try:
        purpose, person_id, known, ends_at = json.loads(box.decrypt(text.encode()))
    except (InvalidToken, ValueError, TypeError) as error:
        raise WrongPassword from error
    if purpose != PURPOSE or now.timestamp() > ends_at:
        raise WrongPassword
    return person_id, known


def _short(password_hash: str) -> str:
    return hashlib.sha256(password_hash.encode()).hexdigest()


async def chosen(database: Database, checked: Checked, password: str, again: str) -> str:
    """Return the hash of a new password; raises Invalid, with one error, for an unfair one."""
    async with database.reading() as session:
        person = await people.get(session, checked.person_id)
    errors = FieldErrors()
    rules.check_password(password, person.username if person else "", errors, "new_password")
    if password != again:
        errors.add("new_password", "mismatch", "两次输入的新口令不一致", "was typed differently")
    elif not errors.found and await passwords.fits(checked.password_hash, password):
        errors.add("new_password", "pattern", "新口令不得与原口令相同", "must not be the old one")
    if errors.found:
        first = errors.found[0]
        raise Invalid(first.zh, f"The new password {first.en}", errors=errors.found)
    return await passwords.digest(password)
