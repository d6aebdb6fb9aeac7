"""受托办理: which acts of pages a delegation covers, by the operations that they stand for; pure.

The powers themselves are those of the API (`auth/delegations/powers.py`): a page's act is the same
operation.
"""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from auth.delegations.powers import needed

RESOURCE: Final = "/v1/resources/{id}"
# By the beginning of an address, the longer ones first.
OPERATIONS: Final[tuple[tuple[str, str], ...]] = (
    (r"/console/resources/[^/]+/upload", f"{RESOURCE}/uploads"),
    (r"/console/resources/[^/]+/(resolve|quarantine)", f"{RESOURCE}/quarantine/resolve"),
    (r"/console/resources/[^/]+/(files|replacements|service)", f"{RESOURCE}/files"),
    (r"/console/catalogue", "/v1/resources"),
    (r"/console/(sources|claims)", "/v1/sources"),
    (r"/console/applications", "/v1/applications"),
    (r"/console/bundles", "/v1/bundles"),
    (r"/console/demands", "/v1/demands"),
    (r"/console/subscriptions/[^/]+/renew", "/v1/subscriptions/{subscription_id}/renew"),
    (r"/console/subscriptions/[^/]+/amend", "/v1/subscriptions/{subscription_id}/amend"),
    (r"/console/corrections", "/v1/corrections"),
)
# They change nothing of a department: what lies in a browser, the end of acting, of the session.
OWN: Final = re.compile(r"/console/(basket|delegations/(act|leave)|language|sign-out)(/.*)?")
# An act that asks for words is folded away, with nothing else in it.
FORM: Final = re.compile(
    r'(?P<folded><details class="act"[^>]*><summary>[^<]*</summary>\s*)?'
    r'<form method="post" action="(?P<action>[^"]*)"[^>]*>(?:(?!</form>).)*</form>'
    r"(?(folded)\s*</details>)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Acting:
    """For whom the person acts, what they may do there, and whose person they are."""

    department: str
    name: str
    powers: AbstractSet[str]
    own_name: str

    def covers(self, path: str) -> bool:
        """Whether what a form at this address does is among the powers."""
        return (
            OWN.fullmatch(path) is not None or needed(f"POST {operation_of(path)}") in self.powers
        )


def operation_of(path: str) -> str:
    """Return the template of the API that an act of a page stands for, empty where none does."""
    for start, template in OPERATIONS:
        if re.match(rf"{start}(/|$)", path):
            return template
    return ""


def without_uncovered(html: str, acting: Acting) -> str:
    """Return a page without the forms whose acts the delegation does not cover."""

    def kept(found: re.Match[str]) -> str:
        return found[0] if acting.covers(found["action"].partition("?")[0]) else ""

    return FORM.sub(kept, html)
