"""For whom an event is: the parties, the authorities over its division, nobody else."""

from exchange.feed.readers import Reader, readers_of

AUTHORITIES = {"region": "450000", "nanning": "450100", "liuzhou": "450200", "P": "450100"}
RELATION = {
    "consumer_department": "C",
    "provider_department": "P",
    "region_code": "450100",
    "submitted_at": "2026-07-01T02:00:00Z",
}


def own(*departments: str) -> list[Reader]:
    return [Reader(each, oversees=False) for each in departments]


def over(*departments: str) -> list[Reader]:
    return [Reader(each, oversees=True) for each in departments]


def test_parties_and_the_authorities_over_the_division_hear_of_it_once() -> None:
    expected = [*own("C", "P"), *over("nanning", "region")]
    assert list(readers_of(RELATION, AUTHORITIES)) == expected


def test_what_no_head_has_signed_is_the_consumers_alone() -> None:
    assert list(readers_of(RELATION | {"submitted_at": None}, AUTHORITIES)) == own("C")


def test_a_department_that_is_its_own_provider_hears_of_it_once() -> None:
    both = RELATION | {"consumer_department": "P"}
    assert list(readers_of(both, {})) == own("P")


def test_an_event_of_an_entry_is_of_its_department() -> None:
    assert list(readers_of({"department": "D", "resource_id": "r"}, AUTHORITIES)) == own("D")
    assert list(readers_of({}, AUTHORITIES)) == []


def test_an_alarm_is_for_those_that_it_names_and_their_guards_alone() -> None:
    alarm = {"alarm_id": "0-7", "kind": "guessing", "told": ["D"]}
    assert list(readers_of(alarm, AUTHORITIES)) == [Reader("D", oversees=False, guards=True)]


def test_an_event_of_a_dispute_is_of_both_its_departments() -> None:
    dispute = {"id": "d", "claimant_department": "C", "respondent_department": "P"}
    assert list(readers_of(dispute, AUTHORITIES)) == own("C", "P")
