import pytest

from gateway import tags
from kernel.errors import Stale


@pytest.mark.parametrize(
    ("given", "revisions"),
    [
        ('"1"', {1}),
        ('"1", "2"', {1, 2}),
        ('W/"1", "2"', {2}),
        ('"7-3d2f0a11"', {7}),
        ('"x", "3"', {3}),
        ('"a,b", "3"', {3}),
        ("*", None),
    ],
)
def test_if_match_names_revisions(given: str, revisions: set[int] | None) -> None:
    assert tags.revision_of(given) == revisions


@pytest.mark.parametrize("given", ["", "1", 'W/"1"', '"1" "2"', '"1', '"' + "9" * 40 + '"', '"x"'])
def test_what_names_none_is_stale(given: str) -> None:
    with pytest.raises(Stale):
        tags.revision_of(given)


def test_a_weak_tag_stands_for_its_text() -> None:
    assert tags.of_answer(b'"3"', b"x") == b'"3"'
    one, other = (tags.of_answer(b'W/"3"', body) for body in (b"x", b"y"))
    assert one != other
    assert tags.matches(one, one)
    assert tags.matches(b'"0", ' + one, one)
    assert not tags.matches(other, one)
    assert tags.matches(b'W/"3"', b'"3"')
