import msgspec
import pytest

from exchange.log.accepted import Accepted, Kept, PositionRange, accepted, kept
from exchange.publishing import receipts
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.sealed import _text
from kernel.secretbox import mac

KEY = b"k" * 32
TAKEN = Accepted(3, [PositionRange(0, 10, 19), PositionRange(2, 5, 5)])


def test_a_receipt_id_says_all_that_the_receipt_said() -> None:
    resource_id = new_id()
    issued = receipts.issue(KEY, resource_id=resource_id, accepted=TAKEN, digest=b"d" * 32)
    assert receipts.read(KEY, issued.receipt_id) == issued
    assert issued.accepted == 11
    assert (issued.resource_id, issued.version, issued.rejected) == (resource_id, 3, 0)


@pytest.mark.parametrize("spoil", [0, 20, -1])
def test_a_changed_receipt_id_is_not_found(spoil: int) -> None:
    issued = receipts.issue(KEY, resource_id=new_id(), accepted=TAKEN, digest=b"d" * 32)
    letters = list(issued.receipt_id)
    letters[spoil] = "A" if letters[spoil] != "A" else "B"
    with pytest.raises(NotFound):
        receipts.read(KEY, "".join(letters))


@pytest.mark.parametrize("forged", ["", "x", "数源", "A" * 5000, "====", "../../etc"])
def test_what_was_never_issued_is_not_found(forged: str) -> None:
    with pytest.raises(NotFound):
        receipts.read(KEY, forged)


def test_what_is_kept_for_a_retry_reads_back() -> None:
    assert accepted(TAKEN.text()) == TAKEN


KEPT = Kept(new_id(), 7, 12)


def test_a_receipt_says_what_was_left_in_quarantine() -> None:
    taken = Accepted(3, [], KEPT)
    issued = receipts.issue(KEY, resource_id=new_id(), accepted=taken, digest=b"d" * 32)
    assert receipts.opened(KEY, issued.receipt_id) == (issued, KEPT)
    assert (issued.accepted, issued.rejected, issued.error_count) == (0, 7, 12)


def test_two_batches_without_a_place_in_the_log_have_two_receipts() -> None:
    resource_id = new_id()
    ids = {
        receipts.issue(
            KEY, resource_id=resource_id, accepted=Accepted(3, [], kept), digest=b"d" * 32
        ).receipt_id
        for kept in (KEPT, Kept(new_id(), 7, 12))
    }
    assert len(ids) == 2


def test_what_the_log_tells_of_a_quarantine_reads_back() -> None:
    assert kept(KEPT.text()) == KEPT
    assert kept(None) is None
    assert accepted(Accepted(1, [], KEPT).text()).kept == KEPT


def test_a_batch_without_a_fault_says_nothing_of_it() -> None:
    assert "kept" not in TAKEN.text()


def test_receipts_of_the_build_before_are_still_read() -> None:
    """A payload in clear under a MAC, without a version in the text."""
    resource_id = new_id()
    runs = [(p.partition, p.first_offset, p.last_offset) for p in TAKEN.positions]
    packed = msgspec.msgpack.encode((bytes.fromhex(resource_id), 3, b"d" * 32, runs))
    before = _text(packed + mac(KEY, receipts.PURPOSE, packed))
    found = receipts.read(KEY, before)
    assert (found.resource_id, found.positions) == (resource_id, TAKEN.positions)
