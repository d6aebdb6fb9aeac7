"""Bodies and answers of the Kafka REST v2 API."""

import json

import pytest

from loadtests import bridges, records


def test_a_body_holds_everybodys_records_with_their_keys() -> None:
    told = json.loads(bridges.bodies(3, 2)[1])["records"]
    expected = [json.loads(line) for line in records.lines()[3:6]]
    assert [each["value"] for each in told] == expected
    assert [each["key"] for each in told] == [each["id_number"] for each in expected]


def test_an_answer_names_a_place_for_every_record() -> None:
    answer = b'{"offsets":[{"partition":0,"offset":7},{"partition":2,"offset":1,"error":null}]}'
    assert bridges.acknowledged(answer, 2) == [(0, 7, 7), (2, 1, 1)]
    with pytest.raises(ValueError, match="2 of 3 accepted"):
        bridges.acknowledged(answer, 3)


@pytest.mark.parametrize(
    "place",
    [
        '{"error_code":50002,"error":"away"}',
        '{"partition":0,"offset":-1}',
        '{"partition":null,"offset":null}',
    ],
)
def test_a_record_without_a_place_was_not_taken(place: str) -> None:
    with pytest.raises(ValueError, match="was not taken"):
        bridges.acknowledged(f'{{"offsets":[{place}]}}'.encode(), 1)


def page(*offsets: int, **changes: object) -> bytes:
    return json.dumps(
        [
            {
                "topic": bridges.ARCHIVE,
                "partition": 0,
                "offset": offset,
                "key": None,
                "value": json.loads(records.lines()[offset]) | changes,
            }
            for offset in offsets
        ]
    ).encode()


def test_a_consumer_gets_every_record_once_and_in_order() -> None:
    following = bridges.Following()
    assert following.got(page(5, 6)) == 2
    assert following.got(b"[]") == 0
    assert following.got(page(7)) == 1
    with pytest.raises(ValueError, match="offset 9 came instead of 8"):
        following.got(page(9))


def test_a_consumer_that_begins_again_begins_at_the_first_record() -> None:
    following = bridges.Following()
    following.got(page(5))
    following.begin_again()
    assert following.got(page(0)) == 1


def test_a_changed_record_is_found() -> None:
    with pytest.raises(ValueError, match="is not what the log holds"):
        bridges.Following().got(page(3, name="someone else"))
