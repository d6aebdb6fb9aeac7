"""Whatever a person can do by the API can be done in the console, by the page that is named here.

Each operation that changes something either has its page, or is a program's and says why. A new
operation fails this test until somebody has decided which of the two it is.
"""

from typing import Final

from gateway.console.routes import ROUTERS as PAGES
from gateway.routers import ROUTERS
from gateway.routing import Operations

CHANGING: Final = ("POST ", "PUT ", "PATCH ", "DELETE ")
RESOURCE, ENTRY = "/v1/resources/{resource_id}", "/console/catalogue/{id}"
OWN_RESOURCE, RECORDS = "/v1/resources/{id}", "/console/resources/{id}"
SUBSCRIPTION, GRANT = "/v1/subscriptions/{subscription_id}", "/console/subscriptions/{id}"
APPLICATION, ASKED = "/v1/applications/{application_id}", "/console/applications/{id}"


def same(api: str, console: str, *actions: str) -> dict[str, str]:
    """Return the page of each action that has its own name on both sides."""
    return {f"POST {api}/{action}": f"{console}/{action}" for action in actions}


OFFERED: Final[dict[str, str]] = {
    "POST /v1/resources": "/console/catalogue/new",
    f"PUT {RESOURCE}": f"{ENTRY}/edit",
    f"PUT {RESOURCE}/quality-rules": f"{ENTRY}/quality",
    **same(
        RESOURCE, ENTRY, "submit", "withdraw", "discard", "return", "approve", "publish", "revise",
        "retire", "announce", "change-notice", "change-notice/extend", "change-notice/consent",
        "yearly-review", "file-change",
    ),
    "POST /v1/catalogue/similar": "/console/catalogue/new",
    f"POST {RESOURCE}/validate": f"{RECORDS}/upload",
    f"POST {OWN_RESOURCE}/uploads": f"{RECORDS}/upload",
    f"POST {OWN_RESOURCE}/files": f"{RECORDS}/files",
    f"DELETE {OWN_RESOURCE}/files/{{file_id}}": f"{RECORDS}/files/remove",
    f"PUT {OWN_RESOURCE}/service": f"{RECORDS}/service",
    f"POST {OWN_RESOURCE}/quarantine/resolve": f"{RECORDS}/resolve",
    f"DELETE {OWN_RESOURCE}/quarantine/{{entry_id}}": f"{RECORDS}/resolve",
    f"POST {OWN_RESOURCE}/replacements": f"{RECORDS}/replacements",
    f"POST {OWN_RESOURCE}/replacements/{{replacement_id}}/commit": f"{RECORDS}/replacements/commit",
    f"POST {OWN_RESOURCE}/replacements/{{replacement_id}}/abort": f"{RECORDS}/replacements/abort",
    "POST /v1/applications": "/console/applications/new",
    f"PATCH {APPLICATION}": f"{ASKED}/change",
    **same(
        APPLICATION, ASKED, "sign", "withdraw", "supplement", "request-supplement", "extend",
        "consent-extension", "deny-extension", "agree", "refuse", "reroute",
    ),
    "POST /v1/bundles": "/console/applications/new",
    **same("/v1/bundles/{bundle_id}", "/console/bundles/{id}", "sign", "withdraw"),
    "POST /v1/attachments": f"{ASKED}/attachments",
    **same(
        SUBSCRIPTION, GRANT, "suspend", "resume", "terminate", "file-termination", "renew", "amend",
        "usage-records", "disposal", "disposal/confirm", "disposal/return", "accept-version",
        "object", "file-change", "endpoint/rotate", "endpoint/test", "endpoint/pause",
        "endpoint/resume",
    ),
    f"PUT {SUBSCRIPTION}/endpoint": f"{GRANT}/endpoint",
    f"POST {SUBSCRIPTION}/deliveries/{{delivery_id}}/retry": f"{GRANT}/endpoint/retry",
    f"POST {SUBSCRIPTION}/deliveries/{{delivery_id}}/skip": f"{GRANT}/endpoint/skip",
    "POST /v1/subscriptions/{id}/snapshots": f"{GRANT}/snapshots",
    "DELETE /v1/subscriptions/{id}/snapshots/{snapshot_id}": f"{GRANT}/snapshots/remove",
    f"POST {SUBSCRIPTION}/corrections": "/console/corrections/new",
    **same(
        "/v1/corrections/{correction_id}", "/console/corrections/{id}", "accept", "reject", "fix",
        "confirm", "reopen", "withdraw",
    ),
    "POST /v1/disputes": "/console/disputes/new",
    f"POST {SUBSCRIPTION}/disputes": "/console/disputes/new",
    **same(
        "/v1/disputes/{dispute_id}", "/console/disputes/{id}", "reply", "settle", "escalate",
        "decide", "appeal", "conclude",
    ),
    "POST /v1/demands": "/console/demands/new",
    **same(
        "/v1/demands/{demand_id}", "/console/demands/{id}", "submit", "assign", "merge", "accept",
        "decline", "meet", "close",
    ),
    "POST /v1/orders": "/console/orders/new",
    **same("/v1/orders/{order_id}", "/console/orders/{id}", "answer", "close", "reopen"),
    "POST /v1/delegations": "/console/delegations",
    **same("/v1/delegations/{delegation_id}", "/console/delegations/{id}", "consent", "end"),
    "POST /v1/standards": "/console/standards/register",
    "POST /v1/elements": "/console/elements/new",
    "PATCH /v1/elements/{code}": "/console/sources/{code}/change",
    "POST /v1/elements/{code}/retire": "/console/sources/{code}/retire",
    "POST /v1/elements/{code}/sources": "/console/sources/{code}/claim",
    **same(
        "/v1/sources/{source_id}", "/console/sources/{code}/claims/{id}", "designate", "reject",
        "replace", "withdraw", "end",
    ),
    "POST /v1/code-lists": "/console/workbooks/import/{what}",
    "POST /v1/code-lists/{code:path}/editions": "/console/workbooks/import/{what}",
    "POST /v1/code-lists/{code:path}/editions/{edition}/withdraw": "/console/code-list",
    "POST /v1/imports/catalogue": "/console/workbooks/import/{what}",
    "POST /v1/imports/code-lists": "/console/workbooks/import/{what}",
    "POST /v1/imports/elements": "/console/workbooks/import/{what}",
    "POST /v1/jobs/{job_id}/cancel": "/console/jobs/{id}/cancel",
    "POST /v1/clients": "/console/clients/new",
    "PATCH /v1/clients/{client_id}": "/console/clients/{id}/change",
    **same("/v1/clients/{client_id}", "/console/clients/{id}", "rotate", "suspend", "resume"),
    "POST /v1/me/explain": "/console/refusals",
    "POST /v1/me/password": "/console/password",
    "POST /v1/people": "/console/people/new",
    "PATCH /v1/people/{person_id}": "/console/people/{id}",
    "POST /v1/departments": "/console/departments/new",
    "PATCH /v1/departments/{uscc}": "/console/departments/{id}/change",
    "PUT /v1/departments/{uscc}/networks": "/console/departments/{id}/networks",
    "PUT /v1/departments/{uscc}/notices": "/console/notices",
    "PUT /v1/departments/{uscc}/standing-consent": "/console/departments/{id}/standing-consent",
    "POST /v1/departments/{uscc}/merge-into": "/console/departments/{id}/merge-into",
    "POST /v1/departments/{uscc}/move": "/console/departments/{id}/move",
    "POST /v1/departments/{uscc}/changes/{change_id}/cancel": (
        "/console/departments/{id}/cancel-change"
    ),
    "PUT /v1/calendar/{year}": "/console/calendar",
    "POST /v1/alarms/{alarm_id}/acknowledge": "/console/alarms/{id}/acknowledge",
    "POST /v1/audit/verifications": "/console/audit/verifications",
}  # fmt: skip
# Why a person has no use for them.
OF_PROGRAMS: Final[dict[str, str]] = {
    f"POST {OWN_RESOURCE}/records": "clients publish; people upload workbooks",
    f"PATCH {OWN_RESOURCE}/files/{{file_id}}": "a piece of a file that is sent in pieces",
    "PUT /v1/subscriptions/{id}/position": "the position of the client that reads",
    "POST /v1/subscriptions/{id}/rewind": "the same",
    "POST /v1/subscriptions/{id}/query": "asked by clients; people see twenty records by preview",
    "POST /v1/subscriptions/{id}/verify": "asked by clients",
    "POST /v1/subscriptions/{id}/call/{operation}": "asked by clients",
    "POST /v1/subscriptions/{id}/ledger/{day}/confirm": "signed by the key of the client",
}
# What the console does for itself, or by an act that the API has under another name.
OWN: Final = {
    "/console/sign-out",
    "/console/language",
    "/console/basket",
    "/console/catalogue/choose",
    "/console/status/records",
    "/console/sessions",
    "/console/delegations/act",
    "/console/delegations/leave",
    "/console/workbooks/export/{what}",
    "/console/clients/{id}/limit",
    "/console/clients/{id}/contractor",
    f"{GRANT}/preview",
    f"{RECORDS}/records",
    f"{RECORDS}/upload/forget",
    f"{RECORDS}/quarantine",
    f"{RECORDS}/quarantine/correct",
}


def acts() -> set[str]:
    routes = [route for router in ROUTERS for route in router.routes]
    known = Operations(lambda: routes).all()
    return {
        each.act
        for each in known
        if each.route.path.startswith("/v1/") and each.act.startswith(CHANGING)
    }


def forms() -> set[str]:
    """Return where forms of pages go."""
    return {
        str(getattr(route, "path", ""))
        for router in PAGES
        for route in router.routes
        if "POST" in (getattr(route, "methods", None) or ())
    }


def test_every_act_has_its_page_or_is_a_programs() -> None:
    assert acts() == OFFERED.keys() | OF_PROGRAMS.keys()
    assert not OFFERED.keys() & OF_PROGRAMS.keys()


def test_every_page_that_is_named_takes_a_form() -> None:
    assert set(OFFERED.values()) <= forms()


def test_every_form_of_the_console_stands_for_an_act() -> None:
    assert forms() - set(OFFERED.values()) == OWN
