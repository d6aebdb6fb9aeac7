"""OpenAPI has every path of docs/api.md that is built, and none of those that are not yet."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.docs.pages import text

# In the order of docs/api.md.
BUILT = """
GET /.well-known/oauth-authorization-server
GET /oauth/jwks
POST /oauth/token
GET /oauth/authorize
POST /oauth/authorize
POST /oauth/introspect
POST /oauth/revoke
GET /v1/me
GET /v1/refusals
GET /v1/refusals/{}
POST /v1/me/explain
GET /v1/jobs/{}
POST /v1/jobs/{}/cancel
POST /v1/departments
GET /v1/departments
GET /v1/departments/{}
PATCH /v1/departments/{}
PUT /v1/departments/{}/standing-consent
POST /v1/people
GET /v1/people
GET /v1/people/{}
PATCH /v1/people/{}
POST /v1/me/password
POST /v1/clients
GET /v1/clients
GET /v1/clients/{}
PATCH /v1/clients/{}
POST /v1/clients/{}/rotate
POST /v1/clients/{}/suspend
POST /v1/clients/{}/resume
POST /v1/standards
GET /v1/standards
GET /v1/standards/{}
POST /v1/code-lists
GET /v1/code-lists
POST /v1/code-lists/{}/editions
GET /v1/code-lists/{}/items
POST /v1/code-lists/{}/editions/{}/withdraw
GET /v1/code-lists/{}/map
POST /v1/elements
GET /v1/elements
GET /v1/elements/{}
PATCH /v1/elements/{}
POST /v1/elements/{}/retire
POST /v1/elements/{}/sources
GET /v1/elements/{}/sources
POST /v1/sources/{}/designate
POST /v1/sources/{}/reject
POST /v1/sources/{}/replace
POST /v1/imports/catalogue
POST /v1/imports/elements
POST /v1/imports/code-lists
GET /v1/exports/catalogue.xlsx
GET /v1/exports/elements.xlsx
GET /v1/exports/code-lists.xlsx
GET /v1/templates/catalogue.xlsx
POST /v1/resources
GET /v1/resources
GET /v1/resources/{}
PUT /v1/resources/{}
GET /v1/resources/{}/versions
GET /v1/resources/{}/versions/{}
GET /v1/resources/{}/diff
GET /v1/resources/{}/schema
POST /v1/resources/{}/validate
POST /v1/resources/{}/submit
POST /v1/resources/{}/return
POST /v1/resources/{}/approve
POST /v1/resources/{}/publish
POST /v1/resources/{}/revise
POST /v1/resources/{}/retire
POST /v1/resources/{}/change-notice
POST /v1/resources/{}/change-notice/extend
POST /v1/resources/{}/change-notice/consent
POST /v1/resources/{}/yearly-review
POST /v1/applications
GET /v1/applications
GET /v1/applications/{}
POST /v1/applications/{}/sign
POST /v1/applications/{}/request-supplement
POST /v1/applications/{}/supplement
POST /v1/applications/{}/extend
POST /v1/applications/{}/consent-extension
POST /v1/applications/{}/deny-extension
POST /v1/applications/{}/agree
POST /v1/applications/{}/refuse
POST /v1/applications/{}/reroute
POST /v1/applications/{}/withdraw
GET /v1/subscriptions
GET /v1/subscriptions/{}
POST /v1/subscriptions/{}/suspend
POST /v1/subscriptions/{}/resume
POST /v1/subscriptions/{}/terminate
POST /v1/subscriptions/{}/renew
POST /v1/subscriptions/{}/amend
POST /v1/subscriptions/{}/usage-records
GET /v1/subscriptions/{}/usage-records
GET /v1/subscriptions/{}/disposal
POST /v1/subscriptions/{}/disposal
POST /v1/subscriptions/{}/disposal/confirm
POST /v1/subscriptions/{}/disposal/return
POST /v1/bundles
GET /v1/bundles
GET /v1/bundles/{}
POST /v1/bundles/{}/sign
POST /v1/bundles/{}/withdraw
POST /v1/subscriptions/{}/disputes
POST /v1/demands
GET /v1/demands
GET /v1/demands/{}
POST /v1/demands/{}/submit
POST /v1/demands/{}/merge
POST /v1/demands/{}/assign
POST /v1/demands/{}/accept
POST /v1/demands/{}/decline
POST /v1/demands/{}/meet
POST /v1/demands/{}/close
POST /v1/delegations
GET /v1/delegations
GET /v1/delegations/{}
POST /v1/delegations/{}/consent
POST /v1/delegations/{}/end
POST /v1/orders
GET /v1/orders
GET /v1/orders/{}
POST /v1/orders/{}/answer
POST /v1/orders/{}/close
POST /v1/orders/{}/reopen
GET /v1/stats/indicators
GET /v1/stats/indicators.xlsx
GET /v1/stats/indicators/cases
GET /v1/stats/violations.xlsx
GET /v1/stats/flows
GET /v1/stats/flows.xlsx
GET /v1/stats/violations
GET /v1/stats/violations/cases
GET /v1/subscriptions/{}/agreement
POST /v1/attachments
GET /v1/attachments/{}
POST /v1/subscriptions/{}/corrections
GET /v1/corrections
GET /v1/corrections/statistics
GET /v1/corrections/{}
POST /v1/corrections/{}/accept
POST /v1/corrections/{}/reject
POST /v1/corrections/{}/fix
POST /v1/corrections/{}/confirm
POST /v1/corrections/{}/reopen
POST /v1/corrections/{}/withdraw
GET /v1/me/tasks
GET /v1/events
POST /v1/resources/{}/records
GET /v1/resources/{}/records
GET /v1/resources/{}/records/{}
POST /v1/resources/{}/uploads
GET /v1/receipts/{}
GET /v1/receipts
GET /v1/resources/{}/quarantine
POST /v1/resources/{}/replacements
GET /v1/resources/{}/replacements
GET /v1/resources/{}/replacements/{}
POST /v1/resources/{}/replacements/{}/commit
POST /v1/resources/{}/replacements/{}/abort
GET /v1/subscriptions/{}/ledger
POST /v1/subscriptions/{}/ledger/{}/confirm
PUT /v1/resources/{}/service
GET /v1/resources/{}/service
GET /v1/subscriptions/{}/call/{}
POST /v1/subscriptions/{}/call/{}
GET /v1/subscriptions/{}/records
GET /v1/subscriptions/{}/records/{}
POST /v1/subscriptions/{}/query
POST /v1/subscriptions/{}/verify
OPTIONS /v1/resources/{}/files
POST /v1/resources/{}/files
GET /v1/resources/{}/files
GET /v1/resources/{}/files/{}
PATCH /v1/resources/{}/files/{}
DELETE /v1/resources/{}/files/{}
GET /v1/subscriptions/{}/files
GET /v1/subscriptions/{}/files/{}
POST /v1/subscriptions/{}/snapshots
GET /v1/subscriptions/{}/snapshots
GET /v1/subscriptions/{}/snapshots/{}
DELETE /v1/subscriptions/{}/snapshots/{}
GET /v1/subscriptions/{}/snapshots/{}/content
GET /v1/subscriptions/{}/preview
PUT /v1/subscriptions/{}/position
POST /v1/subscriptions/{}/rewind
GET /healthz
GET /readyz
GET /metrics
GET /v1/status
GET /v1/audit
GET /catalog.ttl
GET /catalog.jsonld
GET /open/{}.{}
""".strip().splitlines()


@pytest.fixture(scope="module")
def served(openapi: dict[str, Any]) -> set[str]:
    return set(operations(openapi))


def operations(openapi: dict[str, Any]) -> Iterator[str]:
    for path, methods in openapi["paths"].items():
        for method in methods:
            yield f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}"


@pytest.mark.parametrize("operation", BUILT)
def test_what_is_promised_and_built_is_in_openapi(served: set[str], operation: str) -> None:
    assert operation in served


def test_everything_but_signing_in_and_open_data_needs_a_token(openapi: dict[str, Any]) -> None:
    for path, methods in openapi["paths"].items():
        for operation in methods.values():
            needs = {"bearer": []} in operation.get("security", [])
            assert needs == path.startswith(("/v1/", "/metrics")), path


def test_what_is_served_beyond_the_contract_is_told(served: set[str]) -> None:
    beyond = text("api.md").partition("## 8")[2]
    told = {re.sub(r"{[^}]*}|\?.*", _emptied, each) for each in re.findall(r"`([^`]+)`", beyond)}
    assert served - set(BUILT) == told


def _emptied(found: re.Match[str]) -> str:
    return "{}" if found[0].startswith("{") else ""


def test_every_operation_says_what_its_parameters_are(openapi: dict[str, Any]) -> None:
    for path, methods in openapi["paths"].items():
        named = set(re.findall(r"{([^}]*)}", path))
        for method, operation in methods.items():
            given = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert given == named, (method, path)
