"""Every operation has its place in the order of checks, by construction (F8, F9)."""

import pytest

from gateway.acts import ACTS, act_of
from gateway.order import Rank, rank_of
from gateway.routers import ROUTERS
from gateway.routing import Operation, Operations, api_routes
from kernel import errors

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
# Clients act there, or everybody: roles are asked for where they differ within a department.
OF_NO_ROLE = {
    "POST /v1/resources/{id}/records",
    "PUT /v1/subscriptions/{id}/position",
    "POST /v1/subscriptions/{id}/rewind",
    "POST /v1/subscriptions/{id}/query",
    "POST /v1/subscriptions/{id}/verify",
    "POST /v1/subscriptions/{id}/snapshots",
    "DELETE /v1/subscriptions/{id}/snapshots/{snapshot_id}",
    "POST /v1/resources/{id}/files",
    "PATCH /v1/resources/{id}/files/{file_id}",
    "DELETE /v1/resources/{id}/files/{file_id}",
    "POST /v1/subscriptions/{id}/call/{operation}",
    "POST /v1/subscriptions/{id}/ledger/{day}/confirm",
    "POST /v1/resources/{id}/replacements",
    "POST /v1/resources/{id}/replacements/{replacement_id}/commit",
    "POST /v1/resources/{id}/replacements/{replacement_id}/abort",
    "POST /v1/resources/{id}/quarantine/resolve",
    "DELETE /v1/resources/{id}/quarantine/{entry_id}",
    "POST /v1/resources/{resource_id}/validate",
    "POST /v1/me/password",
    "POST /v1/me/explain",
    "POST /v1/jobs/{job_id}/cancel",
    "POST /v1/subscriptions/{subscription_id}/corrections",
    "POST /v1/corrections/{correction_id}/confirm",
    "POST /v1/corrections/{correction_id}/reopen",
    "POST /v1/corrections/{correction_id}/withdraw",
}
# Their handlers ask for their things before they look at anything else.
HOT = {
    "POST /v1/resources/{id}/records",
    "GET /v1/receipts/{receipt_id}",
    "GET /v1/attachments/{attachment_id}",
}


def operations() -> list[Operation]:
    routes = [route for router in ROUTERS for route in router.routes]
    known = Operations(lambda: routes).all()
    return [each for each in known if each.route.path.startswith("/v1/")]


def test_every_operation_is_known_before_fastapi_runs() -> None:
    """The guard once saw none of those of included routers, and asked for no scope."""
    from gateway.app import create  # noqa: PLC0415 - after the folder of the counters

    paths = {route.path for route in api_routes(create().routes)}
    assert paths >= {each.route.path for each in operations()}
    assert len(paths) > 60


def test_every_operation_on_a_thing_asks_for_it_first() -> None:
    lacking = [
        each.act
        for each in operations()
        if "{" in each.act and act_of(each.act) is None and each.act not in HOT
    ]
    assert lacking == []


def test_every_change_asks_for_a_role_before_its_body_is_read() -> None:
    lacking = [
        each.act
        for each in operations()
        if each.act.startswith(CHANGING)
        and each.act not in OF_NO_ROLE
        and not each.roles
        and not ((act := act_of(each.act)) and act.roles)
    ]
    assert lacking == []


def test_every_act_is_an_operation() -> None:
    assert set(ACTS) <= {each.act for each in operations()}


def test_every_operation_wants_a_scope_or_lets_anybody_in() -> None:
    open_to_all = {each.act for each in operations() if not each.scopes}
    assert open_to_all == {
        "GET /v1/me",
        "GET /v1/me/tasks",
        "POST /v1/me/explain",
        "GET /v1/refusals",
        "GET /v1/alarms",
        "GET /v1/alarms/{alarm_id}",
        "GET /v1/refusals/{correlation_id}",
        "GET /v1/jobs/{job_id}",
        "POST /v1/jobs/{job_id}/cancel",
        "GET /v1/jobs/{job_id}/result",
        "GET /v1/receipts",
        "GET /v1/resources/{id}/records",
        "GET /v1/resources/{id}/records/{key:key}",
        "GET /v1/receipts/{receipt_id}",
        "POST /v1/resources/{id}/replacements",
        "GET /v1/resources/{id}/replacements",
        "GET /v1/resources/{id}/replacements/{replacement_id}",
        "POST /v1/resources/{id}/replacements/{replacement_id}/commit",
        "POST /v1/resources/{id}/replacements/{replacement_id}/abort",
        "GET /v1/subscriptions/{id}/ledger",
        "GET /v1/resources/{id}/quarantine",
        "POST /v1/subscriptions/{id}/snapshots",
        "GET /v1/subscriptions/{id}/snapshots",
        "GET /v1/subscriptions/{id}/snapshots/{snapshot_id}",
        "DELETE /v1/subscriptions/{id}/snapshots/{snapshot_id}",
        "GET /v1/subscriptions/{id}/snapshots/{snapshot_id}/content",
        "GET /v1/subscriptions/{id}/files",
        "GET /v1/subscriptions/{id}/files/{file_id}",
        "OPTIONS /v1/resources/{id}/files",
        "GET /v1/resources/{id}/files",
        "GET /v1/resources/{id}/files/{file_id}",
        "POST /v1/resources/{id}/files",
        "PATCH /v1/resources/{id}/files/{file_id}",
        "DELETE /v1/resources/{id}/files/{file_id}",
        "POST /v1/resources/{id}/quarantine/resolve",
        "DELETE /v1/resources/{id}/quarantine/{entry_id}",
        "POST /v1/subscriptions/{subscription_id}/corrections",
        "GET /v1/corrections",
        "GET /v1/corrections/{correction_id}",
        "POST /v1/corrections/{correction_id}/confirm",
        "POST /v1/corrections/{correction_id}/reopen",
        "POST /v1/corrections/{correction_id}/withdraw",
    }


@pytest.mark.parametrize(
    ("error", "rank"),
    [
        (errors.BadRequest(), Rank.PARAMETERS),
        (errors.UnsupportedMedia(), Rank.MEDIA),
        (errors.TooLarge(), Rank.SIZE),
        (errors.PreconditionRequired(), Rank.PRECONDITION),
        (errors.Stale(), Rank.PRECONDITION),
        (errors.IllegalTransition(), Rank.STATE),
        (errors.MalformedJson(), Rank.BODY),
        (errors.InvalidUtf8(), Rank.BODY),
        (errors.Invalid(), Rank.BODY),
        (errors.IdempotencyKeyReused(), None),
        (errors.NotFound(), None),
        (errors.Forbidden(), None),
        (errors.TooMany(), None),
        (errors.Unavailable(), None),
    ],
)
def test_a_refusal_has_its_place(error: errors.ShuyuanError, rank: Rank | None) -> None:
    assert rank_of(error) is rank
