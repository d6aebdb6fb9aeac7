"""Batches of a file: what is named by its content survives an edit of the rest."""

from itertools import pairwise

import pytest

from shuyuan_client.batching import Batch, batches, survey
from shuyuan_client.failures import Failure
from shuyuan_client.record_files import Record


def record(text: str, line: int = 1) -> Record:
    return Record(line, text.encode(), 0)


def numbered(count: int) -> list[Record]:
    return [record(f'{{"id":"{n}"}}', n + 1) for n in range(count)]


def texts(records: list[Record]) -> list[bytes]:
    return [each.text for each in records]


def keys(records: list[Record], size: int, named: str = "run", *, alone: bool = True) -> list[str]:
    return [batch.key for batch in batches(records, size, named, in_any_order=alone)]


@pytest.mark.parametrize("size", [1, 3, 50, 10_000])
def test_batches_hold_every_record_in_order(size: int) -> None:
    made = list(batches(numbered(700), size, "run"))
    assert b"\n".join(batch.body for batch in made) == b"\n".join(texts(numbered(700)))
    assert min(len(batch.records) for batch in made) > 0
    assert max(len(batch.records) for batch in made) <= size


def test_batches_are_about_as_large_as_was_asked_for() -> None:
    made = list(batches(numbered(20_000), 500, "run"))
    assert 20_000 / 500 <= len(made) < 3 * 20_000 / 500


def test_long_records_make_shorter_batches() -> None:
    long = [record("x" * 1024 * 1024) for _n in range(9)]
    made = list(batches(long, 500, "run"))
    assert [len(batch.records) for batch in made] == [3, 3, 3]


def test_the_same_run_of_the_same_file_has_the_same_keys() -> None:
    for alone in (True, False):
        told = keys(numbered(700), 20, alone=alone)
        assert told == keys(numbered(700), 20, alone=alone)
        assert len(set(told)) == len(told) > 700 / 20


def edits() -> list[tuple[str, list[Record]]]:
    whole = numbered(5_000)
    changed = [*whole[:2_500], record('{"id":"2500","n":1}'), *whole[2_501:]]
    inserted = [*whole[:1_200], record('{"id":"new"}'), *whole[1_200:]]
    first = [record('{"id":"-"}'), *whole]
    return [("a middle row", changed), ("row 10 away", [*whole[:9], *whole[10:]]),
            ("a row put in", inserted), ("a row before all", first)]  # fmt: skip


@pytest.mark.parametrize(("edit", "edited"), edits(), ids=[name for name, _ in edits()])
def test_an_edited_file_sends_only_the_batches_that_changed(
    edit: str, edited: list[Record]
) -> None:
    """All behind the edit, 3,985 to 4,985 of 5,000 rows, was once written again (H1)."""
    known = set(keys(numbered(5_000), 500))
    again = [batch for batch in batches(edited, 500, "run", in_any_order=True)
             if batch.key not in known]  # fmt: skip
    assert again, edit
    # The batch of the edit, and those up to the next border that is no full batch.
    assert sum(len(batch.records) for batch in again) <= 3 * 500


def test_after_an_edit_all_behind_it_is_new_where_a_key_may_stand_twice() -> None:
    """`a` in row 1 and again in row 9: sent alone, the edited first would win over the last."""
    repaired = [*numbered(40), record('{"id":"repaired"}'), *numbered(41)]
    before, after = keys(numbered(81), 10, alone=False), keys(repaired, 10, alone=False)
    assert before[0] == after[0]
    known = set(before)
    assert [key in known for key in after] == sorted((key in known for key in after), reverse=True)
    assert after[-1] not in known


def test_another_run_has_other_keys() -> None:
    assert not set(keys(numbered(60), 3)) & set(keys(numbered(60), 3, "other"))


def test_equal_batches_of_one_file_have_their_own_keys_where_keys_may_stand_twice() -> None:
    told = keys([*numbered(40), *numbered(40)], 4, alone=False)
    assert all(one != other for one, other in pairwise(sorted(told)))


def test_what_is_left_of_a_batch_is_named_by_what_it_holds() -> None:
    """A row left out and a row taken out of the file make the same batch, stored once."""
    batch = Batch(numbered(3), "run")
    left = batch.without({1})
    assert texts(left.records) == [b'{"id":"0"}', b'{"id":"2"}']
    assert left.key == Batch([numbered(3)[0], numbered(3)[2]], "run").key
    assert left.key not in {batch.key, batch.without({2}).key}
    assert len(left.key) <= 128


def test_a_key_that_stands_twice_is_found_however_far_apart() -> None:
    """Rows 6 and 592 were once published one after the other (H1)."""
    found = survey([*numbered(900), record('{"id": "5", "other": 1}', 901)], ["id"])
    with pytest.raises(Failure, match="901"):
        found.require_single()
    assert found.count == 901


def test_keys_that_cannot_be_read_or_differ_in_type_stand_for_themselves() -> None:
    survey([record("[1]"), record("{"), record("{}")], ["id"]).require_single()
    survey([record('{"id":1}'), record('{"id":"1"}')], ["id"]).require_single()


def test_all_rows_of_a_key_that_stands_twice_are_refused() -> None:
    records = [*numbered(3), record('{"id": "1", "n": 2}', 9), record("{", 10)]
    refused: list[tuple[int, str]] = []
    kept = survey(records, ["id"]).singles(
        records, lambda each, why: refused.append((each.line, why.sentence))
    )
    assert [each.line for each in kept] == [1, 3, 10]
    assert [line for line, _ in refused] == [2, 9]
    assert all("2, 9" in why for _, why in refused)
