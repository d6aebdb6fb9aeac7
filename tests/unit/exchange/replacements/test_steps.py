"""What a commit of a full replacement decides, without a log."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from catalog.contracts.keys import key_of
from catalog.contracts.model import Contract, DataType, Field
from exchange.replacements.keys import NO_KEY, deletion_line, key_line
from exchange.replacements.states import Action, State, most_deletes, next_state, state_at
from exchange.replacements.steps import (
    DELETE,
    GIVEN_BACK,
    UPSERT,
    Piece,
    Place,
    decode,
    encode,
    overtaken,
    pieces_after,
)
from kernel.errors import IllegalTransition
from kernel.secretbox import Secretbox

BOX = Secretbox(b"k" * 32)
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def field(name: str, data_type: DataType = DataType.STRING, *, key: bool = True) -> Field:
    return Field(name=name, label=name, data_type=data_type, required=True, key=key)


CONTRACT = Contract(
    resource_id="r",
    version=1,
    title="t",
    fields=(
        field("名"),
        field("n", DataType.INTEGER),
        field("b", DataType.BOOLEAN),
        field("other", key=False),
    ),
)


def test_the_line_that_deletes_a_key_has_the_key() -> None:
    record = {"名": 'a~b%"\n', "n": 12, "b": True, "other": "x"}
    key = key_of(CONTRACT, record)
    line = deletion_line(CONTRACT, key)
    assert line is not None
    assert json.loads(line) == {"名": 'a~b%"\n', "n": 12, "b": True}
    assert deletion_line(CONTRACT, b"one part") is None
    assert deletion_line(CONTRACT, b"\xff~1~true") is None


def test_numbers_of_a_refused_record_stay_as_they_stood() -> None:
    read = key_line(CONTRACT, '{"名":"x","n":1.50,"b":false,"other":{"y":[1]}}'.encode())
    assert b'"n":1.50' in read
    assert b'"b":false' in read
    assert b"other" not in read


@pytest.mark.parametrize("line", [b"no json", b"[1]", b"", b"\xff", b"[" * 100_000])
def test_of_what_is_no_object_there_is_no_key(line: bytes) -> None:
    assert key_line(CONTRACT, line) == NO_KEY


def test_a_key_item_of_another_kind_is_none() -> None:
    read = json.loads(key_line(CONTRACT, '{"名":["x"],"n":{},"b":null}'.encode()))
    assert read == {"名": None, "n": None, "b": None}


def test_what_a_delete_overtook_is_published_again_behind_it() -> None:
    piece = Piece(DELETE, [b"a", b"b", b"c"], 5)
    after = pieces_after(piece, {b"a": b"1", b"b": None}, (5, 9), 12)
    assert after == [Piece(UPSERT, [b"a"], 12, (5, 9))]
    assert overtaken([b"a", b"b"], {b"a": b"1", b"b": None}) == [(b"a", b"1")]
    assert pieces_after(piece, {}, (5, 5), 8) == []


def test_a_delete_that_was_overtaken_by_a_value_given_back_is_repeated() -> None:
    piece = Piece(UPSERT, [b"a", b"b"], 12, (5, 9))
    after = pieces_after(piece, {b"a": None, b"b": b"2"}, (12, 15), 17)
    assert after == [Piece(UPSERT, [b"b"], 17, (12, 15)), Piece(DELETE, [b"a"], 17)]


def test_values_are_given_back_some_at_a_time() -> None:
    keys = [b"%d" % n for n in range(GIVEN_BACK + 1)]
    after = pieces_after(Piece(DELETE, keys, 0), dict.fromkeys(keys, b"v"), (0, 9), 9)
    assert [len(each.keys) for each in after] == [GIVEN_BACK, 1]


def test_a_place_is_kept_sealed() -> None:
    place = Place(1, b"d" * 16, 7, [Piece(DELETE, [b"450102199001011234"], 3)])
    kept = encode(place, BOX)
    assert decode(json.loads(json.dumps(kept)), BOX) == place
    assert "450102" not in json.dumps(kept)
    assert decode({}, BOX) is None


def test_what_is_open_ends_by_itself() -> None:
    ends = NOW + timedelta(hours=24)
    assert state_at("open", ends, ends - timedelta(seconds=1)) is State.OPEN
    assert state_at("open", ends, ends) is State.EXPIRED
    assert state_at("committed", ends, ends) is State.COMMITTED
    with pytest.raises(IllegalTransition):
        next_state(State.COMMITTED, Action.ABORT)


def test_a_tenth_may_go_unless_more_is_said() -> None:
    assert most_deletes(None, 105) == 10
    assert most_deletes(0, 105) == 0
    assert most_deletes(105, 105) == 105
