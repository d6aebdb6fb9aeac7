import pytest

from exchange.publishing import receipts
from exchange.publishing.receipts import Accepted, Position
from kernel.errors import NotFound
from kernel.ids import new_id

KEY = b"k" * 32
TAKEN = Accepted(3, [Position(0, 10, 19), Position(2, 5, 5)])


def test_a_receipt_id_says_all_that_the_receipt_said() -> None:
    resource_id = new_id()
    issued = receipts.issue(KEY, resource_id=resource_id, taken=TAKEN, digest=b"d" * 32)
    assert receipts.read(KEY, issued.receipt_id) == issued
    assert issued.accepted == 11
    assert (issued.resource_id, issued.version, issued.rejected) == (resource_id, 3, 0)


@pytest.mark.parametrize("spoil", [0, 20, -1])
def test_a_changed_receipt_id_is_not_found(spoil: int) -> None:
    issued = receipts.issue(KEY, resource_id=new_id(), taken=TAKEN, digest=b"d" * 32)
    letters = list(issued.receipt_id)
    letters[spoil] = "A" if letters[spoil] != "A" else "B"
    with pytest.raises(NotFound):
        receipts.read(KEY, "".join(letters))


@pytest.mark.parametrize("forged", ["", "x", "数源", "A" * 5000, "====", "../../etc"])
def test_what_was_never_issued_is_not_found(forged: str) -> None:
    with pytest.raises(NotFound):
        receipts.read(KEY, forged)


def test_what_is_kept_for_a_retry_reads_back() -> None:
    assert receipts.accepted(TAKEN.text()) == TAKEN
