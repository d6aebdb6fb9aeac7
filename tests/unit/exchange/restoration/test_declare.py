"""What a restored database would let out again is stopped (P3, P12)."""

import pytest

from exchange.restoration.declare import Lost, _lost, _published, _spoken, _versions, stopped

GRANT = "s1"


def lost(*types: str) -> list[Lost]:
    at = "2026-11-28T02:00:00+00:00"
    return [Lost(number, type_, at, {"id": GRANT}) for number, type_ in enumerate(types, 1)]


@pytest.mark.parametrize(
    ("types", "is_stopped"),
    [
        (["subscription.suspended"], True),
        (["subscription.suspended", "subscription.resumed"], False),
        (["subscription.resumed", "subscription.terminated"], True),
        (["subscription.renewed", "subscription.version_accepted"], False),
        # An item was taken away: under the terms before, it would be shown again.
        (["subscription.amended"], True),
        (["subscription.suspended", "subscription.amended", "subscription.resumed"], True),
    ],
)
def test_what_may_show_less_since_then_is_stopped(types: list[str], is_stopped: bool) -> None:
    assert stopped(lost(*types)) == ([GRANT] if is_stopped else [])


FOREIGN = [
    {"id": True},
    {"id": 0},
    {"id": 10**30},
    {"id": "7"},
    {"type": {"a": 1}},
    {"type": "\x1b[2J"},
    {"at": None},
    {"payload": "id"},
    {"payload": 5},
    {"payload": None},
]


@pytest.mark.parametrize("wrong", FOREIGN, ids=str)
def test_a_message_of_others_is_none_of_the_platforms(wrong: dict[str, object]) -> None:
    """One of them, and a restore could not be declared: every node stayed at 503."""
    good = {"id": 7, "type": "subscription.suspended", "at": "2026-11-28", "payload": {"id": "s"}}
    assert _lost(good) is not None
    assert _lost({**good, **wrong}) is None


@pytest.mark.parametrize("thing", [None, 5, ["s"], "s\x00", "\ud800", "s" * 500])
@pytest.mark.parametrize("version", [None, 0, 10**20, "x", True, [1]])
def test_what_a_message_names_wrongly_is_listed_and_asked_of_nobody(
    thing: object, version: object
) -> None:
    facts = {"id": thing, "resource_id": thing, "version": version}
    told = [
        Lost(number, type_, "2026-11-28", facts)
        for number, type_ in enumerate(("resource.published", "subscription.suspended"), 1)
    ]
    assert (_spoken(told), _versions(told), _published(told), stopped(told)) == ({}, {}, {}, [])
